"""Connections to gold, always in UTC, by role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from jobs.common.addresses import tls
from jobs.common.errors import TransientError, UsageError
from jobs.common.points import reached
from jobs.common.settings import PROJECT_ROOT, Settings

# libpq has no codes for these: a server without TLS, a certificate that is not trusted.
SIGNS_OF_NO_TRUST = ("SSL was required", "certificate")

Role = Literal["admin", "owner", "loader", "analyst", "reader", "customer"]


def dsn(settings: Settings, role: Role = "loader", database: str | None = None) -> dict[str, Any]:
    """Connection parameters of a role, the password among them: never to be logged."""
    return {
        "host": settings.gold_host,
        "port": str(settings.gold_port),
        "dbname": database or settings.gold_db,
        "user": getattr(settings, f"gold_{role}_user"),
        "password": getattr(settings, f"gold_{role}_password").get_secret_value(),
        **tls(settings.gold_sslmode, settings.database_ca_file),
        # A page that an index names costs about what the next one does: what is looked up by key
        # is not to be scanned for, however the server is set up.
        "options": "-c timezone=UTC -c random_page_cost=1.1",
        "application_name": "warehouse",
        "connect_timeout": "10",
    }


def connect(settings: Settings, role: Role = "loader") -> Connection:
    """Open a connection.

    Raises:
        TransientError: Postgres does not answer.
        UsageError: it refuses the log-in, or the role is a superuser.
    """
    try:
        connection: Connection = psycopg2.connect(**dsn(settings, role))
    except psycopg2.OperationalError as error:
        if "authentication failed" in str(error):
            raise UsageError(
                f"Postgres refuses the log-in as {role}",
                where=f"{settings.gold_host}:{settings.gold_port}/{settings.gold_db}",
                do=f"correct GOLD_{role.upper()}_PASSWORD",
            ) from None
        refuse_untrusted(settings, error)
        raise TransientError(
            f"cannot log in to Postgres as {role}: {str(error).strip()}",
            where=f"{settings.gold_host}:{settings.gold_port}/{settings.gold_db}",
            do="see that Postgres is up (make status)",
        ) from None
    _refuse_superuser(role, connection)
    return connection


def _refuse_superuser(role: Role, connection: Connection) -> None:
    # The server says so by itself when a session starts: this asks it nothing.
    if connection.info.parameter_status("is_superuser") == "on":
        user = connection.info.user
        connection.close()
        raise UsageError(
            f"{user} rules the server, and jobs run as no such role",
            where=f"GOLD_{role.upper()}_USER",
            do="remove the setting: its default is the role that set-up makes",
        )


def refuse_untrusted(settings: Settings, error: psycopg2.OperationalError) -> None:
    """Raise when the server is there, but not with the TLS that the settings insist on.

    Raises:
        UsageError: trying again would not help.
    """
    if any(sign in str(error) for sign in SIGNS_OF_NO_TRUST):
        raise UsageError(
            f"no trusted connection to Postgres: {str(error).strip()}",
            where=f"{settings.gold_host}:{settings.gold_port}, {settings.gold_sslmode}",
            do="see the server's TLS, GOLD_HOST, GOLD_SSLMODE and DATABASE_CA_FILE",
        ) from None


@contextmanager
def transaction(conn: Connection, effect: str = "") -> Iterator[Cursor]:
    """One transaction: committed at the end, rolled back on any error.

    Args:
        effect: the name of what it writes (see `points`). Without one Postgres refuses to write.
    """
    with conn, conn.cursor() as cur:
        if not effect:
            cur.execute("SET TRANSACTION READ ONLY")
        yield cur
        if effect:
            reached(f"before {effect}")
    if effect:
        reached(f"after {effect}")


@contextmanager
def instead(conn: Connection, effect: str) -> Iterator[Cursor]:
    """Undo the transaction that is open, and commit another in its place.

    Within `transaction`, since psycopg2 lets no two be nested; an error that is raised afterwards
    finds nothing to undo.

    Args:
        effect: as of `transaction`.
    """
    conn.rollback()
    with conn.cursor() as cur:
        yield cur
        reached(f"before {effect}")
    conn.commit()
    reached(f"after {effect}")


@cache
def sql_file(name: str) -> str:
    """The text of `sql/<name>`."""
    return (PROJECT_ROOT / "sql" / name).read_text(encoding="utf-8")


_COMMENT = re.compile(r"^--.*$", re.MULTILINE)


def run_file(cur: Cursor, name: str, params: dict[str, object] | None = None) -> None:
    """Run the statements of a SQL file; values go in as `%(name)s` parameters."""
    cur.execute(_COMMENT.sub("", sql_file(name)), params)


def sql_dir() -> Path:
    """Where the SQL files are."""
    return PROJECT_ROOT / "sql"
