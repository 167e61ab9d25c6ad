"""Empties a cluster's warehouse: Hive databases, lake files, gold's content. Needs Spark.

    scripts/run_reset.sh                       says what would go, and a checksum
    scripts/run_reset.sh --confirm CHECKSUM    removes just that

`landing/`, roles, databases as such, mail and whatever else the services hold stay. The
checksum covers every table, file and row count, so a confirmation is void once anything changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from psycopg2 import sql

from jobs.common.db import connect, transaction
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say
from jobs.common.points import effect
from jobs.common.runlog import RESOURCES, take_locks
from jobs.metastore import LakeFiles, LakeTable, Metastore

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

SCHEMAS = ("staging", "ops", "public")
RELATIONS = """
SELECT n.nspname, c.relname, c.relkind IN ('r', 'p')
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY 1, 2
"""


@dataclass
class Inventory:
    """What there is: tables of the metastore, files of the lake, relations of gold."""

    databases: list[str] = field(default_factory=list)
    tables: list[LakeTable] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)
    gold: list[tuple[str, int | None]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Nothing to remove."""
        return not (self.databases or self.tables or self.files or self.gold)

    @property
    def checksum(self) -> str:
        """What a confirmation has to repeat."""
        whole = repr((self.databases, self.tables, self.files, self.gold))
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


def extract(metastore: Metastore, lake: LakeFiles, gold: Connection) -> Inventory:
    """All that a reset would remove, in order."""
    return Inventory(
        metastore.databases(), metastore.tables(lake), lake.files(), list(_relations(gold))
    )


def _relations(gold: Connection) -> Iterator[tuple[str, int | None]]:
    """Gold's tables with their rows, and its views."""
    with transaction(gold) as cur:
        cur.execute(RELATIONS, (list(SCHEMAS),))
        for schema, name, is_table in cur.fetchall():
            count = None
            if is_table:
                table = sql.Identifier(schema, name)
                cur.execute(sql.SQL("SELECT count(*) FROM {}").format(table))
                row = cur.fetchone()
                count = int(row[0]) if row else 0
            yield f"{schema}.{name}", count


def describe(found: Inventory, lake: LakeFiles) -> Iterator[str]:
    """The inventory in words, a line each."""
    for name in found.databases:
        yield f"Hive database {name}"
    for table in found.tables:
        yield f"Hive table {table.name} at {table.location}{table.remark}"
    named = {table.location for table in found.tables}
    for path, (count, size) in lake.by_path(found.files).items():
        stale = "" if path in named else " (no table names it)"
        yield f"path {path}: {count:,} files, {size:,} bytes{stale}"
    for relation, rows in found.gold:
        yield f"gold {relation}" + ("" if rows is None else f": {rows:,} rows")


def load(found: Inventory, metastore: Metastore, lake: LakeFiles, gold: Connection) -> None:
    """Remove it. Each part may be repeated, so one that was broken off can be."""
    for table in found.tables:
        with effect("the forgetting of a table"):
            metastore.drop_table(table)
    for database in found.databases:
        with effect("the forgetting of a database"):
            metastore.drop_database(database)
    with effect("the emptying of the lake"):
        lake.remove_all()
    with transaction(gold, "the emptying of gold") as cur:
        for schema in SCHEMAS:
            cur.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
        # As it is in a new database; the migrations grant what is needed.
        cur.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
        cur.execute("COMMENT ON SCHEMA public IS 'standard public schema'")


def run(context: JobContext, confirmed: str) -> None:
    """Describe, or remove what was described.

    Raises:
        UsageError: it is not what was confirmed.
        AlreadyRunning: a job is at work.
    """
    metastore = Metastore(context.session)
    lake = LakeFiles(context.session, context.settings.lake)
    with closing(connect(context.settings, "owner")) as gold:
        if confirmed:
            hold_jobs_off(gold)
        found = extract(metastore, lake, gold)
        if found.is_empty:
            say("nothing to remove")
        elif not confirmed:
            for line in describe(found, lake):
                say(f"would remove {line}")
            say(f"to remove all that: scripts/run_reset.sh --confirm {found.checksum}")
        elif confirmed != found.checksum:
            raise UsageError(
                "the checksum is not that of the warehouse as it is now",
                where=context.settings.lake,
                do="look again at what would go: scripts/run_reset.sh",
            )
        else:
            load(found, metastore, lake, gold)
            say("removed; to make it anew: scripts/run_setup.sh, then scripts/run_init_hive.sh")


def hold_jobs_off(gold: Connection) -> None:
    """Take every lock that a job takes, until the connection closes.

    Raises:
        AlreadyRunning: a job holds one.
    """
    gold.autocommit = True
    take_locks(gold, RESOURCES, 0)
    gold.autocommit = False


def main(
    confirm: Annotated[str, typer.Option(help="The checksum that a dry run printed.")] = "",
) -> None:
    """Say what a reset of this cluster's warehouse would remove, or remove it."""
    run_main("reset", lambda context: run(context, confirm))


if __name__ == "__main__":
    typer.run(main)
