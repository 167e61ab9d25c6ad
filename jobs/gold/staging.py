"""Frames → unlogged staging tables of one run, by COPY from the executors.

Each task writes under its attempt's number and reports it when it ends; rows of attempts
that did not report (a retry, a lost executor, speculation) are dropped before the merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2 import sql

from jobs.common.db import dsn, transaction

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from pyspark.sql import DataFrame

    from jobs.common.runlog import Run
    from jobs.common.settings import Settings

ATTEMPT = "task_attempt"


@dataclass(frozen=True)
class StagingTable:
    """A staging table's kind and its columns with their Postgres types, in COPY order."""

    kind: str
    columns: tuple[tuple[str, str], ...]

    def name(self, run: Run) -> str:
        """The table of a run."""
        return f"{self.kind}_{run.run_id}"

    @property
    def column_names(self) -> list[str]:
        """Names in COPY order."""
        return [name for name, _ in self.columns]


LINES = StagingTable(
    "lines",
    (
        ("transaction_id", "text"),
        ("product_sk", "bigint"),
        ("customer_sk", "bigint"),
        ("country_sk", "bigint"),
        ("date_sk", "integer"),
        ("invoice_no", "text"),
        ("invoice_date", "timestamptz"),
        ("quantity", "integer"),
        ("unit_price", "numeric(12, 4)"),
        ("total_amount", "numeric(18, 4)"),
        ("file_key", "bigint"),
        ("source_line", "integer"),
        ("is_new", "boolean"),
        ("customer_id", "text"),
        ("rules", "text[]"),
        ("raw", "jsonb"),
    ),
)

PRODUCTS = StagingTable(
    "products",
    (
        ("product_sk", "bigint"),
        ("stock_code", "text"),
        ("description", "text"),
        ("category", "text"),
        ("unit_price", "numeric(12, 4)"),
        ("effective_date", "date"),
        ("end_date", "date"),
        ("is_current", "boolean"),
        ("withdrawn", "boolean"),
    ),
)

COUNTRIES = StagingTable(
    "countries",
    (
        ("country_id", "integer"),
        ("country", "text"),
        ("iso_code", "text"),
        ("region", "text"),
        ("sub_region", "text"),
    ),
)


def create(conn: Connection, table: StagingTable, run: Run) -> None:
    """Make the table of this run, empty."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in (*table.columns, (ATTEMPT, "bigint NOT NULL"))
    )
    with transaction(conn) as cur:
        cur.execute(
            sql.SQL(
                "CREATE UNLOGGED TABLE staging.{} ({}) WITH (autovacuum_enabled = false)"
            ).format(sql.Identifier(table.name(run)), columns)
        )


def copy(
    conn: Connection, frame: DataFrame, table: StagingTable, run: Run, settings: Settings
) -> int:
    """Fill the table from the executors. Returns the number of rows.

    Args:
        frame: columns by the names of the table's, list and JSON columns as text.
    """
    target = dsn(settings)
    statement = (
        f"COPY staging.{table.name(run)} ({', '.join([*table.column_names, ATTEMPT])})"
        " FROM STDIN (FORMAT csv)"
    )

    def write(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        import psycopg2
        from pyspark import TaskContext

        context = TaskContext.get()
        attempt = context.taskAttemptId() if context else 0
        stream = CsvStream(iter(batches), attempt)
        connection = psycopg2.connect(**target)
        try:
            with connection, connection.cursor() as cur:
                cur.copy_expert(statement, stream, size=1 << 20)
        finally:
            connection.close()
        yield pa.RecordBatch.from_pydict({"attempt": [attempt], "rows": [stream.rows]})

    rows = frame.select(*table.column_names).coalesce(settings.load_parallelism)
    ended = rows.mapInArrow(write, "attempt long, rows long").collect()
    _keep_only(conn, table, run, [row[0] for row in ended])
    return sum(row[1] for row in ended)


def _keep_only(conn: Connection, table: StagingTable, run: Run, attempts: list[int]) -> None:
    name = sql.Identifier(table.name(run))
    with transaction(conn) as cur:
        cur.execute(
            sql.SQL("DELETE FROM staging.{} WHERE task_attempt <> ALL(%s)").format(name),
            (attempts,),
        )
        cur.execute(sql.SQL("ANALYZE staging.{}").format(name))


class CsvStream:
    """Arrow batches as the CSV that COPY reads: null is an empty field, text is quoted."""

    def __init__(self, batches: Iterator[pa.RecordBatch], attempt: int) -> None:
        self._batches = batches
        self._attempt = attempt
        self._rest = memoryview(b"")
        self.rows = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size` when it is given; none at the end."""
        while not self._rest:
            batch = next(self._batches, None)
            if batch is None:
                return b""
            self.rows += batch.num_rows
            self._rest = memoryview(self._encode(batch))
        stop = size if size >= 0 else len(self._rest)
        part, self._rest = self._rest[:stop], self._rest[stop:]
        return bytes(part)

    def _encode(self, batch: pa.RecordBatch) -> Any:
        from pyarrow import csv

        sink = pa.BufferOutputStream()
        column = pa.array([self._attempt] * batch.num_rows, pa.int64())
        table = pa.Table.from_batches([batch]).append_column(ATTEMPT, column)
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
        return sink.getvalue()


def drop(conn: Connection, run: Run) -> None:
    """Drop what this run staged."""
    with transaction(conn) as cur:
        for table in (LINES, PRODUCTS, COUNTRIES):
            cur.execute(
                sql.SQL("DROP TABLE IF EXISTS staging.{}").format(sql.Identifier(table.name(run)))
            )
