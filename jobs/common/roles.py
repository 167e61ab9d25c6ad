"""Gold's database and log-in roles, as the administrator sets them up.

The roles' names are fixed, since migrations grant to them; their passwords are what the
settings say, and reach the server as SCRAM verifiers only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import encrypt_password
from pydantic import SecretStr

from jobs.common.db import dsn, refuse_untrusted, run_file
from jobs.common.errors import TransientError, UsageError
from jobs.common.settings import Settings

GOLD_ROLES = {
    "owner": "warehouse_owner",
    "loader": "warehouse_loader",
    "analyst": "warehouse_analyst",
    "reader": "warehouse_reader",
    "customer": "customer_reader",
}
# Text sorts by code point on every server, wherever it was set up.
LOCALE = "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"


def create_gold(settings: Settings) -> None:
    """Roles, the gold database, and who may connect to it; harmless when all is there.

    Raises:
        UsageError: a role has another name, or no password.
        TransientError: Postgres does not answer.
    """
    passwords = gold_passwords(settings)
    with administrator(settings, "postgres") as admin:
        with admin.cursor() as cur:
            run_file(cur, "admin/roles.sql")
        for name, password in passwords.items():
            set_password(admin, name, password)
        create_database(admin, settings.gold_db, GOLD_ROLES["owner"])
    with administrator(settings, settings.gold_db) as admin, admin.cursor() as cur:
        run_file(cur, "admin/access.sql")


def create_metastore(settings: Settings) -> None:
    """The metastore's role and database on the embedded server; harmless when there."""
    name = settings.metastore_db_user
    with administrator(settings, "postgres") as admin, admin.cursor() as cur:
        cur.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        if cur.fetchone() is None:
            cur.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        set_password(admin, name, settings.metastore_db_password)
        create_database(admin, settings.metastore_db_name, name)
        close_to_others(admin, settings.metastore_db_name)
        # The whole server is ours: nothing is left for other roles to log in to.
        for database in ("postgres", "template1"):
            close_to_others(admin, database)


def gold_passwords(settings: Settings) -> dict[str, SecretStr]:
    """Role name to password, checked.

    Raises:
        UsageError: a role has another name than the migrations grant to, or no password.
    """
    passwords: dict[str, SecretStr] = {}
    for short, name in GOLD_ROLES.items():
        variable = f"GOLD_{short.upper()}"
        if getattr(settings, f"gold_{short}_user") != name:
            raise UsageError(f"{variable}_USER must be {name}", do="remove the setting")
        passwords[name] = getattr(settings, f"gold_{short}_password")
        if not passwords[name].get_secret_value():
            raise UsageError(f"{variable}_PASSWORD is empty", do="set it, in .env for example")
    return passwords


@contextmanager
def administrator(settings: Settings, database: str) -> Iterator[Connection]:
    """A connection of the administrator, each statement its own transaction."""
    try:
        admin = psycopg2.connect(**dsn(settings, "admin", database))
    except psycopg2.OperationalError as error:
        refuse_untrusted(settings, error)
        raise TransientError(
            f"cannot log in to Postgres as {settings.gold_admin_user}: {str(error).strip()}",
            where=f"{settings.gold_host}:{settings.gold_port}/{database}",
        ) from None
    with closing(admin):
        admin.autocommit = True
        yield admin


def set_password(admin: Connection, role: str, password: SecretStr) -> None:
    """Set a password without letting it into the server's log or statistics."""
    verifier = encrypt_password(password.get_secret_value(), role, admin, "scram-sha-256")
    with admin.cursor() as cur:
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        cur.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def create_database(admin: Connection, name: str, owner: str) -> None:
    """Make a database unless it is there."""
    with admin.cursor() as cur:
        cur.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cur.fetchone() is None:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 " + LOCALE)
            cur.execute(statement.format(sql.Identifier(name), sql.Identifier(owner)))


def close_to_others(admin: Connection, database: str) -> None:
    """Leave a database to its owner and the administrator."""
    with admin.cursor() as cur:
        statement = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
        cur.execute(statement.format(sql.Identifier(database)))
