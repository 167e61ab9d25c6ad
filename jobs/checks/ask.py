"""Asks bronze and gold what the checks want to know: both as they are at one moment.

Gold is read in one repeatable-read transaction. What is held against it is bronze as of the
Iceberg snapshots that this state of gold has taken, so a load under way disturbs nothing, and
files that wait for one are not missing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import RealDictCursor
from pyspark.sql import functions as F

from jobs.common.archived import archive
from jobs.common.checks import Check
from jobs.common.contracts import COUNTRIES, DW_FACT, PRODUCTS, TRANSACTIONS_RAW
from jobs.common.country_names import aliases, with_aliases
from jobs.common.db import connect
from jobs.common.frames import frame_of
from jobs.common.lake import read_at, rows_at
from jobs.common.prices_by_hand import in_force, with_prices
from jobs.common.transaction_ids import transaction_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.checks.files import CheckFile
    from jobs.common.contracts import Table
    from jobs.common.settings import Settings

TAKEN = {
    "taken_transactions": TRANSACTIONS_RAW,
    "taken_products": PRODUCTS,
    "taken_countries": COUNTRIES,
}
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)
Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Moments:
    """What the checks hold ages against."""

    now: datetime
    fresh_since: datetime

    @property
    def parameters(self) -> dict[str, object]:
        """By the names that the files use."""
        return {"now": self.now, "fresh_since": self.fresh_since}


@dataclass(frozen=True)
class Answer:
    """A check with what became of it, and how long that took."""

    check: Check
    file: CheckFile
    seconds: float


@contextmanager
def state_of_gold(settings: Settings) -> Iterator[Cursor]:
    """One state of gold, read only."""
    with closing(connect(settings)) as conn, conn:
        with conn.cursor(cursor_factory=RealDictCursor) as cur:
            cur.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield cur


def answers(
    spark: SparkSession, cur: Cursor, checks: list[CheckFile], moments: Moments
) -> Iterator[Answer]:
    """Ask each check."""
    if any(check.kind == "reconcile" for check in checks):
        show_what_gold_took(spark, cur)
    for file in checks:
        begun = time.monotonic()
        gold = of_gold(cur, file.gold, moments) if file.gold else None
        bronze = of_bronze(spark, file.bronze, moments) if file.bronze else None
        yield Answer(judged(file, gold, bronze), file, time.monotonic() - begun)


def judged(file: CheckFile, gold: Row | None, bronze: Row | None) -> Check:
    """The verdict: a check's own, or whether both sides have the same figures."""
    if gold is not None and bronze is not None:
        found, wanted = _figures(gold), _figures(bronze)
        return Check(file.name, file.severity, found == wanted, found, wanted)
    row = gold if gold is not None else bronze
    assert row is not None  # noqa: S101 - a check has a statement
    return Check(
        file.name, file.severity, bool(row["passed"]), str(row["observed"]), str(row["expected"])
    )


def _figures(row: Row) -> str:
    """lines 3, units 12, amount 30.5, hash 17"""
    return ", ".join(f"{name} {_plain(Decimal(value))}" for name, value in row.items())


def _plain(value: Decimal) -> str:
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def of_gold(cur: Cursor, statement: str, moments: Moments) -> Row:
    """The row of a statement of gold."""
    cur.execute(_COMMENT.sub("", statement), moments.parameters)
    row: Any = cur.fetchone()
    return dict(row)


def of_bronze(spark: SparkSession, statement: str, moments: Moments) -> Row:
    """The row of a statement of bronze."""
    row = spark.sql(_COMMENT.sub("", statement), args=moments.parameters).first()
    assert row is not None  # noqa: S101 - an aggregate without groups gives a row
    return row.asDict()


def show_what_gold_took(spark: SparkSession, cur: Cursor) -> None:
    """The views that the bronze sides of `reconcile` read."""
    cur.execute("SELECT table_name, snapshot_id FROM ops.watermarks")
    rows: Any = cur.fetchall()
    taken = {row["table_name"]: row["snapshot_id"] for row in rows}
    for view, table in TAKEN.items():
        frame = _as_taken(spark, cur, table, taken.get(table.full_name))
        if table is PRODUCTS:
            frame, _ = with_prices(frame, _asked(cur, in_force))
        if table is COUNTRIES:
            with_aliases(frame, _asked(cur, aliases)).createOrReplaceTempView("taken_names")
        frame.createOrReplaceTempView(view)
    _show_what_is_archived(spark, cur)
    cur.execute(
        "SELECT f.file_sha256, e.source_line FROM transactions_error AS e"
        " JOIN ops.loaded_files AS f ON f.file_key = e.file_key WHERE e.status = 'DISCARDED'"
    )
    rows = cur.fetchall()
    discarded = [(row["file_sha256"], row["source_line"]) for row in rows]
    frame = frame_of(spark, discarded, "file_sha256 string, source_line int")
    frame.createOrReplaceTempView("discarded")


def _asked(cur: Cursor, ask: Callable[[Cursor], T]) -> T:
    """What another asks of the same state of gold, with rows that are tuples."""
    with cur.connection.cursor(cursor_factory=Cursor) as plain:
        return ask(plain)


def _show_what_is_archived(spark: SparkSession, cur: Cursor) -> None:
    """`archived_lines`, as the lake has them; and `counted_transactions`: the rows of bronze that
    gold accounts for, each with whether it `is_closed`, since it came too late for the archive.
    """
    kept = _asked(cur, archive)
    taken = spark.table("taken_transactions")
    if not kept:
        spark.table(DW_FACT.full_name).limit(0).createOrReplaceTempView("archived_lines")
        counted = taken.withColumn("is_closed", F.lit(False))
        counted.createOrReplaceTempView("counted_transactions")
        return
    kept.lines(spark).createOrReplaceTempView("archived_lines")
    cur.execute("SELECT file_sha256, batch_id FROM ops.loaded_files")
    rows: Any = cur.fetchall()
    files = [(row["file_sha256"], row["batch_id"]) for row in rows]
    batches = F.broadcast(frame_of(spark, files, "file_sha256 string, taken_by bigint"))
    known = taken.join(batches, "file_sha256", how="left")
    known = known.join(kept.ids(spark), transaction_id() == F.col("transaction_id"), how="left")
    is_archived = F.col("archived_by").isNotNull()
    # what gold had taken before the line of that id left it is settled
    is_settled = is_archived & (F.col("taken_by") <= F.col("archived_by"))
    is_closed = is_archived | (F.to_date("invoice_date") < F.lit(kept.past))
    counted = known.where(~is_settled).withColumn("is_closed", F.coalesce(is_closed, F.lit(False)))
    counted.select(*taken.columns, "is_closed").createOrReplaceTempView("counted_transactions")


def _as_taken(spark: SparkSession, cur: Cursor, table: Table, snapshot: int | None) -> DataFrame:
    """The table as gold has taken it; where that snapshot was expired, as it is, but for files
    that gold has not.
    """
    if snapshot is None:
        return spark.table(table.full_name).limit(0)
    if rows_at(spark, table, snapshot) is not None:
        return read_at(spark, table, snapshot)
    frame = spark.table(table.full_name)
    if table is not TRANSACTIONS_RAW:
        return frame
    cur.execute("SELECT file_sha256 FROM ops.loaded_files")
    rows: Any = cur.fetchall()
    hashes = [(row["file_sha256"],) for row in rows]
    known = frame_of(spark, hashes, "file_sha256 string")
    return frame.join(F.broadcast(known), "file_sha256", how="left_semi")
