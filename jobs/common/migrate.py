"""Plain SQL migrations: `sql/migrations/NNN_name.sql`, in order, as gold's owner.

Each file is one transaction, recorded with its hash in `ops.schema_migrations`. An
applied file never changes: what comes later is a new file.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection

from jobs.common.db import connect, sql_dir, transaction
from jobs.common.errors import TransientError, UsageError
from jobs.common.settings import Settings

FILE_NAME = re.compile(r"(\d{3})_([a-z0-9_]+)\.sql")
SETUP_LOCK = 8270  # two set-ups never race
LEDGER = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.schema_migrations IS 'One row an applied file of sql/migrations';
COMMENT ON COLUMN ops.schema_migrations.version IS 'The number the file name begins with';
COMMENT ON COLUMN ops.schema_migrations.name IS 'The rest of the file name';
COMMENT ON COLUMN ops.schema_migrations.sha256 IS 'Hash of the file as it was applied';
COMMENT ON COLUMN ops.schema_migrations.applied_at IS 'When it was applied';
"""


@dataclass(frozen=True)
class Migration:
    """One file."""

    version: int
    name: str
    path: Path

    @property
    def content(self) -> str:
        """The statements."""
        return self.path.read_text(encoding="utf-8")

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def migrations(directory: Path) -> list[Migration]:
    """All files, in order.

    Raises:
        UsageError: a name is of another form, or two have one number.
    """
    found: dict[int, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) in found:
            raise UsageError(
                "a migration's name is not NNN_name.sql with a number of its own", where=str(path)
            )
        found[int(match[1])] = Migration(int(match[1]), match[2], path)
    return list(found.values())


def migrate(settings: Settings, directory: Path | None = None) -> list[str]:
    """Apply what is pending; the names of the applied files.

    Raises:
        UsageError: an applied file has changed or is gone, or a file fails.
        TransientError: Postgres does not answer.
    """
    files = migrations(directory or sql_dir() / "migrations")
    with closing(connect(settings, "owner")) as conn:
        with transaction(conn, "the ledger of migrations") as cur:
            # Held until the connection closes.
            cur.execute("SELECT pg_advisory_lock(%s)", (SETUP_LOCK,))
            cur.execute(LEDGER)
        pending = _pending(conn, files)
        for migration in pending:
            _apply(conn, migration)
    return [migration.path.name for migration in pending]


def _pending(conn: Connection, files: list[Migration]) -> list[Migration]:
    with transaction(conn) as cur:
        cur.execute("SELECT version, sha256 FROM ops.schema_migrations")
        applied = dict(cur.fetchall())
    for migration in files:
        if applied.get(migration.version, migration.sha256) != migration.sha256:
            raise UsageError(
                "a migration was changed after it had been applied",
                where=str(migration.path),
                do="put the file back as it was; what is new goes into a new file",
            )
    unknown = set(applied) - {migration.version for migration in files}
    if unknown:
        raise UsageError(
            f"the database has migrations that this checkout lacks: {sorted(unknown)}",
            do="use the checkout that set the database up, or a newer one",
        )
    return [migration for migration in files if migration.version not in applied]


def _apply(conn: Connection, migration: Migration) -> None:
    try:
        with transaction(conn, "a migration") as cur:
            cur.execute(migration.content)
            cur.execute(
                "INSERT INTO ops.schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.sha256),
            )
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise TransientError(
            f"Postgres did not finish a migration: {str(error).strip()}",
            where=str(migration.path),
            do="see that Postgres is up (make status), then run set-up again: it goes on there",
        ) from error
    except psycopg2.Error as error:
        raise UsageError(
            f"a migration failed and was rolled back: {str(error).strip()}",
            where=str(migration.path),
            do="correct the file and run set-up again",
        ) from error
