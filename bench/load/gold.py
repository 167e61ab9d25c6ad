"""Gold databases to load into: templates with filled dimensions, and a fresh copy for each load."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from psycopg2 import sql

from embedded.postgres import binaries
from jobs.common.db import connect, dsn, run_file
from jobs.common.migrate import migrate
from jobs.common.roles import administrator, create_gold
from jobs.common.settings import Settings

FACT_COLUMNS = (
    *("transaction_id", "product_sk", "customer_sk", "country_sk", "date_sk", "invoice_no"),
    *("invoice_date", "quantity", "unit_price", "total_amount", "is_return", "batch_id"),
    *("file_key", "source_line"),
)
# Rows, sums, and a sum of hashes that no order of the rows changes; the batch is each load's own.
CONTENT = (
    "SELECT count(*), sum(quantity), sum(total_amount), sum(hash_record_extended("
    f"ROW({', '.join('f.' + name for name in FACT_COLUMNS if name != 'batch_id')}), 0)::numeric)"
    " FROM fact_transactions AS f"
)
# Of the fact and each month: keys, foreign keys and indexes, all valid.
KEYS = """
SELECT c.relname, (SELECT count(*) FROM pg_constraint AS k WHERE k.conrelid = c.oid
    AND k.contype IN ('p', 'f') AND k.convalidated),
    (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisvalid)
FROM pg_class AS c
WHERE c.relname ~ '^fact_transactions(_[0-9]{4}_[0-9]{2})?$' ORDER BY 1
"""
SETTINGS = ("wal_level", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers",
            "max_wal_size", "work_mem", "maintenance_work_mem")  # fmt: skip


def make(settings: Settings, name: str) -> Settings:
    """A new gold database, migrated; the settings that point to it."""
    ours = settings.model_copy(update={"gold_db": name})
    drop(ours)
    create_gold(ours)
    migrate(ours)
    return ours


def drop(settings: Settings) -> None:
    """Remove a gold database."""
    with administrator(settings, "postgres") as admin, admin.cursor() as cur:
        name = sql.Identifier(settings.gold_db)
        cur.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def fill_dimensions(settings: Settings, files: dict[str, Path]) -> None:
    """COPY the dimensions' files into gold."""
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        for name, path in files.items():
            with path.open() as file:
                columns = file.readline().strip()
                cur.copy_expert(f"COPY {name} ({columns}) FROM STDIN (FORMAT csv)", file)


def make_months(settings: Settings, months: list[str]) -> None:
    """Empty months with their keys in place, as those need them who insert."""
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        for month in months:
            cur.execute("SELECT ops.create_fact_month(%s)", (month,))
            cur.execute("SELECT ops.attach_fact_month(%s)", (month,))


def without_sums(settings: Settings) -> None:
    """What others would load into: the fact and its keys, without our sums beside it."""
    ask(settings, "ALTER TABLE fact_transactions DISABLE TRIGGER USER")


def settle(settings: Settings) -> None:
    """Vacuum a template, so that every copy begins alike."""
    with administrator(settings, settings.gold_db) as admin, admin.cursor() as cur:
        cur.execute("VACUUM (FREEZE, ANALYZE)")


def fresh_copy(template: Settings, name: str = "bench_load") -> Settings:
    """A copy of a template, all of it on disk."""
    ours = template.model_copy(update={"gold_db": name})
    drop(ours)
    with administrator(template, "postgres") as admin, admin.cursor() as cur:
        cur.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                *map(sql.Identifier, (name, ours.gold_owner_user, template.gold_db))
            )
        )
        cur.execute("CHECKPOINT")
    with administrator(ours, name) as admin, admin.cursor() as cur:
        run_file(cur, "admin/access.sql")
    return ours


def ask(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a query of the owner's."""
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchall() if cur.description else []


def state(settings: Settings) -> dict[str, Any]:
    """What the fact holds and how it is keyed, to compare loads by."""
    return {"content": ask(settings, CONTENT), "keys": ask(settings, KEYS)}


def server(settings: Settings) -> dict[str, str]:
    """The server's settings that loading depends on."""
    names = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    return dict(zip(SETTINGS, ask(settings, f"SELECT {names}")[0], strict=True))


def psql(settings: Settings, command: str) -> subprocess.Popen[bytes]:
    """Start psql as the loader with one command."""
    target = dsn(settings)
    return subprocess.Popen(
        [str(binaries() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", command],
        env={
            "PGHOST": target["host"], "PGPORT": target["port"], "PGDATABASE": target["dbname"],
            "PGUSER": target["user"], "PGPASSWORD": target["password"], "PGTZ": "UTC",
        },
    )  # fmt: skip
