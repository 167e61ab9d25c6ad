"""Ways to bring a frame of staged lines into Postgres: ours, and what others would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from bench.load.gold import FACT_COLUMNS, psql
from jobs.common.db import dsn
from jobs.common.runlog import run_context
from jobs.common.settings import Settings
from jobs.gold import money, staging
from jobs.gold.postgres_load_fact import load
from jobs.gold.staged import SourceFile, Staged

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

# One a core of the measured machine: more only wait for each other's locks on dimension rows.
CONNECTIONS = 2
FACT, KEYLESS = "fact_transactions", "staging.keyless"
# Spark's own default, and ten times psycopg2's.
JDBC_BATCH, PYTHON_PAGE = 1_000, 1_000


@dataclass(frozen=True)
class Batch:
    """What is to be loaded, in each form that a way may want."""

    frame: DataFrame
    files: list[SourceFile]
    csv: list[Path]

    @property
    def rows(self) -> int:
        """How many there are, as a load knows from bronze."""
        return sum(file.line_count for file in self.files)


Way = Callable[[Batch, Settings], None]
Insert = Callable[[Batch, Settings, str], None]


def fact_rows(frame: DataFrame) -> DataFrame:
    """Staged lines as rows of the fact."""
    more = {"is_return": F.col("quantity") < 0, "batch_id": F.lit(1).cast("bigint")}
    return frame.withColumns(more).select(*FACT_COLUMNS)


def in_units(frame: DataFrame) -> DataFrame:
    """Staged lines as the jobs have them: money in ten-thousandths."""
    return frame.withColumns({m: money.in_units(F.col(m)) for m in ("unit_price", "total_amount")})


def ours(batch: Batch, settings: Settings) -> None:
    """The load of the jobs: COPY into staging, one transaction, staging dropped."""
    with run_context(settings, "fact_postgres", ("gold",)) as run:
        staging.create(run.conn, staging.LINES, run)
        frame = in_units(batch.frame)
        count = staging.copy(run.conn, frame, staging.LINES, run, settings, batch.rows)
        load(run, Staged(batch.files, count))
        staging.drop(run.conn, run)


def write_csv(frame: DataFrame, directory: Path) -> list[Path]:
    """The fact's rows as CSV files, one a connection."""
    rows = fact_rows(frame).coalesce(CONNECTIONS).write
    rows.option("timestampFormat", "yyyy-MM-dd HH:mm:ss.SSSSSSXXX").csv(str(directory))
    return sorted(directory.glob("part-*"))


def stage(batch: Batch, settings: Settings) -> None:
    """Transport alone: our COPY into a keyless table, dropped untimed with its database."""
    with run_context(settings, "fact_postgres", ("gold",)) as run:
        staging.create(run.conn, staging.LINES, run)
        staging.copy(run.conn, in_units(batch.frame), staging.LINES, run, settings)


def _tell(settings: Settings, statement: str) -> None:
    if psql(settings, statement).wait():
        raise RuntimeError("psql failed")


def stage_by_psql(batch: Batch, settings: Settings) -> None:
    """Transport alone: psql's COPY into a keyless table of the fact's columns."""
    _tell(settings, f"CREATE UNLOGGED TABLE {KEYLESS} (LIKE {FACT})")
    copy_by_psql(batch, settings, KEYLESS)


def copy_by_psql(batch: Batch, settings: Settings, table: str) -> None:
    """psql's COPY of CSV files that are there already, a connection each."""
    columns = ", ".join(FACT_COLUMNS)
    running = [
        psql(settings, rf"\copy {table} ({columns}) FROM '{path}' (FORMAT csv)")
        for path in batch.csv
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        raise RuntimeError("psql failed")


def jdbc(batch: Batch, settings: Settings, table: str, *, rewrite: bool = False) -> None:
    """Spark's JDBC writer."""
    target = dsn(settings)
    url = f"jdbc:postgresql://{target['host']}:{target['port']}/{target['dbname']}"
    options = {
        "url": f"{url}?reWriteBatchedInserts={str(rewrite).lower()}",
        "dbtable": table,
        "user": target["user"],
        "password": target["password"],
        "driver": "org.postgresql.Driver",
        "batchsize": str(JDBC_BATCH),
    }
    rows = fact_rows(batch.frame).coalesce(CONNECTIONS)
    rows.write.format("jdbc").options(**options).mode("append").save()


def jdbc_rewritten(batch: Batch, settings: Settings, table: str) -> None:
    """Spark's JDBC writer, its driver joining a batch's rows into one statement."""
    jdbc(batch, settings, table, rewrite=True)


def python_rows(batch: Batch, settings: Settings, table: str) -> None:
    """psycopg2's execute_values in foreachPartition."""
    target = dsn(settings)
    statement = f"INSERT INTO {table} ({', '.join(FACT_COLUMNS)}) VALUES %s"

    def write(rows: Iterable[Row]) -> None:
        import psycopg2
        from psycopg2.extras import execute_values

        connection = psycopg2.connect(**target)
        try:
            with connection, connection.cursor() as cur:
                execute_values(cur, statement, rows, page_size=PYTHON_PAGE)
        finally:
            connection.close()

    fact_rows(batch.frame).coalesce(CONNECTIONS).foreachPartition(write)


def plain(insert: Insert) -> Way:
    """Straight into the fact."""
    return lambda batch, settings: insert(batch, settings, FACT)


def upsert(insert: Insert) -> Way:
    """By a keyless table: lines that the fact has are replaced, which no plain insert can do."""
    columns = ", ".join(FACT_COLUMNS)
    anew = ", ".join(f"{name} = excluded.{name}" for name in FACT_COLUMNS)
    statement = (
        f"INSERT INTO {FACT} ({columns}) SELECT {columns} FROM {KEYLESS}"
        f" ON CONFLICT (transaction_id, invoice_date) DO UPDATE SET {anew}"
    )

    def merge(batch: Batch, settings: Settings) -> None:
        _tell(settings, f"CREATE UNLOGGED TABLE {KEYLESS} (LIKE {FACT})")
        insert(batch, settings, KEYLESS)
        _tell(settings, statement)

    return merge


INSERTS: dict[str, Insert] = {
    "psql COPY": copy_by_psql,
    "Spark JDBC": jdbc,
    "JDBC, rewritten batches": jdbc_rewritten,
    "Python rows": python_rows,
}
BULK: dict[str, Way] = {"ours": ours, **{name: plain(way) for name, way in INSERTS.items()}}
MERGE: dict[str, Way] = {"ours": ours, **{name: upsert(way) for name, way in INSERTS.items()}}
TRANSPORT: dict[str, Way] = {"ours": stage, "psql COPY": stage_by_psql}
