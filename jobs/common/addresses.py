"""Where databases are, as Java names them, and whether that is this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from jobs.common.settings import Settings


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host never leaves this machine; a path is a socket file."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def metastore_dsn(settings: Settings) -> dict[str, Any]:
    """Connection parameters of the metastore's database, the password among them."""
    return {
        "host": settings.metastore_db_host,
        "port": str(settings.metastore_db_port),
        "dbname": settings.metastore_db_name,
        "user": settings.metastore_db_user,
        "password": settings.metastore_db_password.get_secret_value(),
        "connect_timeout": "10",
        **tls(settings.metastore_db_sslmode, settings.database_ca_file),
    }


def tls(mode: str, ca_file: str) -> dict[str, str]:
    """The parameters that say how a connection is encrypted and whom it trusts."""
    return {"sslmode": mode, **({"sslrootcert": ca_file} if ca_file else {})}


def jdbc_url(target: Mapping[str, Any], **more: str) -> str:
    """A database as JDBC names it; neither its name nor the CA's path adds a parameter."""
    host = f"[{target['host']}]" if ":" in target["host"] else target["host"]
    asked = {key: target[key] for key in ("sslmode", "sslrootcert") if key in target} | more
    database = quote(target["dbname"], safe="")
    return (
        f"jdbc:postgresql://{host}:{target['port']}/{database}?{urlencode(asked, quote_via=quote)}"
    )
