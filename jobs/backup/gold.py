"""Gold's part of a backup: `pg_dump` and `pg_restore`, as gold's owner.

Passwords reach the programs in their environment, since command lines are public.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from embedded.postgres import binaries
from jobs.common.db import connect, dsn, transaction
from jobs.common.errors import TransientError, UsageError
from jobs.common.points import effect
from jobs.common.roles import administrator, create_gold
from jobs.common.settings import Settings

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'ops') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1
"""


def server_major(settings: Settings) -> int:
    """The server's major version."""
    with closing(connect(settings, "owner")) as conn:
        return int(conn.server_version // 10_000)


def program(name: str, server: int) -> str:
    """A client program no older than the server: the wheel's, else the one on PATH.

    Raises:
        UsageError: both are older, or not there.
    """
    for path in (str(binaries() / name), shutil.which(name)):
        if path and _major(path) >= server:
            return path
    raise UsageError(
        f"no {name} is as new as the server, which is PostgreSQL {server}",
        where=f"{binaries()} and PATH",
        do=f"install postgresql-client-{server}",
    )


def _major(path: str) -> int:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"(\d+)", told.stdout)
    return int(found[1]) if found else 0


def _call(path: str, settings: Settings, *arguments: str) -> None:
    """Run a client program as gold's owner."""
    at = dsn(settings, "owner")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG") or k.startswith("PGSSL")}
    names = ("host", "port", "user", "password", "sslmode", "sslrootcert")
    told = {f"PG{name.upper()}": at[name] for name in names if name in at}
    environment = kept | told | {"PGDATABASE": at["dbname"]}
    done = subprocess.run(
        [path, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = " | ".join(done.stderr.strip().splitlines()[-5:])
        raise TransientError(f"{Path(path).name} failed: {reason}", where=settings.gold_db)


@contextmanager
def frozen(settings: Settings) -> Iterator[tuple[Cursor, str]]:
    """A cursor that sees gold as it is now, and the snapshot's name for others to see it."""
    with closing(connect(settings, "owner")) as conn:
        conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with transaction(conn) as cur:
            cur.execute("SELECT pg_export_snapshot()")
            row = cur.fetchone()
            yield cur, str(row[0]) if row else ""


def counts(cur: Cursor) -> dict[str, int]:
    """Rows of every table of gold."""
    cur.execute(TABLES)
    found = {}
    for (name,) in cur.fetchall():
        cur.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - quoted by Postgres
        row = cur.fetchone()
        found[name] = int(row[0]) if row else 0
    return found


def dump(settings: Settings, target: Path) -> dict[str, int]:
    """Write gold to a file; the rows it holds by table. Staging is left out.

    Raises:
        UsageError: no `pg_dump` fits the server.
        TransientError: Postgres does not answer.
    """
    path = program("pg_dump", server_major(settings))
    with frozen(settings) as (cur, snapshot):
        found = counts(cur)
        _call(
            *(path, settings, "--format=custom", f"--snapshot={snapshot}"),
            *("--exclude-table=staging.*", "--no-owner", f"--file={target}"),
        )
    return found


def refuse_used(settings: Settings) -> None:
    """Raise when gold holds anything that a set-up does not make."""
    with closing(connect(settings, "owner")) as conn, transaction(conn) as cur:
        cur.execute(TABLES)
        there = [row[0] for row in cur.fetchall()]
        if "ops.runs" in there:
            cur.execute("SELECT EXISTS (SELECT FROM ops.runs)")
            there = ["ops.runs"] if cur.fetchone() == (True,) else []
    if there:
        raise UsageError(
            "gold is not empty",
            where=f"{settings.gold_host}:{settings.gold_port}/{settings.gold_db}",
            do="restore into a home that is new, or run scripts/run_reset.sh first",
        )


def restore(settings: Settings, source: Path, expected: dict[str, int]) -> None:
    """Make gold's database anew from a dump, whole or not at all.

    Raises:
        UsageError: the administrator's password is not known, or the server is too old.
        TransientError: Postgres does not answer, or refuses the dump.
    """
    path = program("pg_restore", server_major(settings))
    if not settings.gold_admin_password.get_secret_value():
        raise UsageError("gold's database is made anew, for which GOLD_ADMIN_PASSWORD is needed")
    with effect("the drop of the empty gold"), administrator(settings, "postgres") as admin:
        with admin.cursor() as cur:
            cur.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(settings.gold_db)))
    with effect("the making of gold"):
        create_gold(settings)
    with effect("the return of gold"):
        _call(
            *(path, settings, "--single-transaction", "--exit-on-error", "--no-owner"),
            *(f"--dbname={settings.gold_db}", str(source)),
        )
    with closing(connect(settings, "owner")) as conn, transaction(conn) as cur:
        if counts(cur) != expected:
            raise UsageError("gold has other rows than the backup says", where=settings.gold_db)


def end_backup_run(settings: Settings, run_id: int) -> None:
    """In the dump, the backup's own run was still under way: it is done."""
    with (
        closing(connect(settings, "owner")) as conn,
        transaction(conn, "the end of the backup's run") as cur,
    ):
        cur.execute(
            "UPDATE ops.runs SET status = 'done', ended_at = clock_timestamp(),"
            " message = 'gold was restored from this backup'"
            " WHERE run_id = %s AND status = 'running'",
            (run_id,),
        )


def version(settings: Settings) -> str:
    """The server's version, as it tells it."""
    with closing(connect(settings, "owner")) as conn, transaction(conn) as cur:
        cur.execute("SHOW server_version")
        row = cur.fetchone()
    return str(row[0]) if row else ""


def refuse_older(settings: Settings, dumped: str) -> None:
    """Raise when the server is of an older major version than the one that was dumped."""
    server = server_major(settings)
    if server < int(dumped.split(".", maxsplit=1)[0]):
        raise UsageError(
            f"the backup is of PostgreSQL {dumped}, the server is {server}",
            where=f"{settings.gold_host}:{settings.gold_port}",
            do="restore to a server as new as the backup's",
        )
