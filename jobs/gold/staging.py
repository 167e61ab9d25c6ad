"""Frames → unlogged staging tables of one run, by COPY from the executors.

Each task writes in a transaction, whose number it reports when it ends. Attempts that did not
report (a retry, a lost executor, speculation) are ended and their rows dropped, and none of them
finds the table any more: while tasks copy, it has another name. A few rows are copied by the
driver itself: Python workers would take longer to start than the copy does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2 import sql

from jobs.common.db import dsn, transaction
from jobs.common.points import effect
from jobs.gold.binary_rows import HEADER, TRAILER, encoded

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from pyspark.sql import DataFrame

    from jobs.common.runlog import Run
    from jobs.common.settings import Settings

CHUNK = 1 << 20
FEW = 100_000  # rows
TASK_ROWS = 25_000  # at most, while tasks are fewer than connections may be
END_OTHERS = """
SELECT pg_terminate_backend(l.pid)
FROM pg_locks AS l
JOIN pg_stat_activity AS a USING (pid)
WHERE l.relation = to_regclass(%s) AND l.database = a.datid AND a.datname = current_database()
  AND a.usename = current_user AND l.pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class StagingTable:
    """A staging table's kind and its columns with their Postgres types, in COPY order."""

    kind: str
    columns: tuple[tuple[str, str], ...]

    def name(self, run: Run) -> str:
        """The table of a run."""
        return f"{self.kind}_{run.run_id}"

    def open_name(self, run: Run) -> str:
        """The same, while tasks copy into it."""
        return f"{self.kind}open_{run.run_id}"

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
        ("rules", "text"),  # an array literal
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
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in table.columns
    )
    with transaction(conn, "the making of staging") as cur:
        cur.execute(
            sql.SQL(
                "CREATE UNLOGGED TABLE staging.{} ({}) WITH (autovacuum_enabled = false)"
            ).format(sql.Identifier(table.name(run)), columns)
        )


def copy(
    conn: Connection,
    frame: DataFrame,
    table: StagingTable,
    run: Run,
    settings: Settings,
    rows: int | None = None,
) -> int:
    """Fill the table. Returns the number of rows.

    Args:
        frame: columns by the names of the table's; list and JSON columns as text, numerics as
            ten-thousandths.
        rows: at most so many rows, when that is known.
    """
    # Below the encoding, so that its generated code is a method of its own: one that also holds
    # the frame's joins would be too long for Java to compile.
    tasks = settings.load_parallelism
    if rows is not None:
        tasks = min(tasks, 1 + rows // TASK_ROWS)
    content = encoded(frame.select(*table.column_names).coalesce(tasks), table.columns)
    by_driver = rows is not None and rows <= FEW
    if by_driver:
        count = _copy_by_driver(conn, content, _statement(table, table.name(run)))
    else:
        _open(conn, table, run)
        with effect("the copy into staging"):
            statement = _statement(table, table.open_name(run))
            attempts, count = _copy_by_tasks(content, statement, settings)
        _close(conn, table, run, attempts, count)
    with transaction(conn) as cur:
        # A tenth of the usual sample says enough of tables this plain.
        cur.execute("SET LOCAL default_statistics_target = 10")
        cur.execute(sql.SQL("ANALYZE staging.{}").format(sql.Identifier(table.name(run))))
    return count


def _statement(table: StagingTable, name: str) -> str:
    columns = ", ".join(table.column_names)
    return f"COPY staging.{name} ({columns}) FROM STDIN (FORMAT binary)"


def _copy_by_driver(conn: Connection, rows: DataFrame, statement: str) -> int:
    stream: Any = RowStream(iter(rows.toArrow().to_batches()))
    with transaction(conn, "the copy into staging") as cur:
        cur.copy_expert(statement, stream, size=CHUNK)
    return int(stream.rows)


def _copy_by_tasks(rows: DataFrame, statement: str, settings: Settings) -> tuple[list[str], int]:
    """The transactions of the attempts that reported, and their number of rows."""
    target = dsn(settings)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        import psycopg2

        stream = RowStream(iter(batches))
        connection = psycopg2.connect(**target)
        try:
            with connection, connection.cursor() as cur:
                cur.copy_expert(statement, stream, size=CHUNK)
                cur.execute("SELECT pg_current_xact_id()::xid::text")
                attempt = cur.fetchone()[0]
        finally:
            connection.close()
        yield pa.RecordBatch.from_pydict({"attempt": [attempt], "rows": [stream.rows]})

    ended = rows.mapInArrow(write, "attempt string, rows long").collect()
    return [row[0] for row in ended], int(sum(row[1] for row in ended))


def _open(conn: Connection, table: StagingTable, run: Run) -> None:
    with transaction(conn, "the opening of staging") as cur:
        cur.execute(_renamed(table.name(run), table.open_name(run)))


def _renamed(old: str, new: str) -> sql.Composed:
    rename = sql.SQL("ALTER TABLE staging.{} RENAME TO {}")
    return rename.format(sql.Identifier(old), sql.Identifier(new))


def _close(
    conn: Connection, table: StagingTable, run: Run, attempts: list[str], count: int
) -> None:
    """End attempts that did not report, shut the table to them, and drop their rows."""
    name = sql.Identifier(table.name(run))
    with transaction(conn, "the closing of staging") as cur:
        cur.execute(END_OTHERS, (f"staging.{table.open_name(run)}",))
        cur.execute(_renamed(table.open_name(run), table.name(run)))
        cur.execute(sql.SQL("SELECT count(*) FROM staging.{}").format(name))
        if cur.fetchone() != (count,):
            cur.execute(
                sql.SQL("DELETE FROM staging.{} WHERE xmin::text <> ALL(%s)").format(name),
                (attempts,),
            )


class RowStream:
    """Arrow batches of encoded rows as the file that COPY reads."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._parts = self._content(batches)
        self._rest = memoryview(HEADER)
        self.rows = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size` when it is given; none at the end."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest = part
        stop = size if size >= 0 else len(self._rest)
        part, self._rest = self._rest[:stop], self._rest[stop:]
        return bytes(part)

    def _content(self, batches: Iterator[pa.RecordBatch]) -> Iterator[memoryview]:
        for batch in batches:
            self.rows += batch.num_rows
            yield values_of(batch.column(0))
        yield memoryview(TRAILER)


def values_of(rows: pa.BinaryArray) -> memoryview:
    """The bytes of all rows, one after the other, as Arrow keeps them."""
    _, offsets, values = rows.buffers()
    if values is None:
        return memoryview(b"")
    ends = memoryview(offsets).cast("i")
    return memoryview(values)[ends[rows.offset] : ends[rows.offset + len(rows)]]


def empty(conn: Connection, table: StagingTable, run: Run) -> None:
    """Take out what this run staged in the table."""
    with transaction(conn, "the making of staging") as cur:
        cur.execute(sql.SQL("TRUNCATE staging.{}").format(sql.Identifier(table.name(run))))


def drop(conn: Connection, run: Run) -> None:
    """Drop what this run staged."""
    with transaction(conn, "the drop of staging") as cur:
        for table in (LINES, PRODUCTS, COUNTRIES):
            cur.execute(
                sql.SQL("DROP TABLE IF EXISTS staging.{}").format(sql.Identifier(table.name(run)))
            )
