"""Gold → `ecommerce_dw`: the same star in the lake, brought up to the files gold has taken.

Derived: it may lag behind gold, never lead. Up to where it is, is kept in the summary of the
fact's snapshot; only months that gold changed since are written.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from pyspark.sql import functions as F

from jobs.common.addresses import jdbc_url
from jobs.common.archived import Archive, archive
from jobs.common.contracts import (
    DW_DIM_COUNTRIES,
    DW_DIM_CUSTOMERS,
    DW_DIM_DATES,
    DW_DIM_PRODUCTS,
    DW_FACT,
    Table,
)
from jobs.common.dates import next_month
from jobs.common.db import dsn, transaction
from jobs.common.frames import frame_of
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables, our_words, summary, written_by
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from jobs.common.settings import Settings

JOB = "dw"
LOCKS = ("dw", "gold")  # dimensions and fact are to be of one state of gold
DIMENSIONS = {
    DW_DIM_PRODUCTS: "product_sk",
    DW_DIM_CUSTOMERS: "customer_sk",
    DW_DIM_COUNTRIES: "country_sk",
    DW_DIM_DATES: "date_sk",
}
GUEST = -1
BATCH = "warehouse.gold-batch"
FILES = "warehouse.gold-files"
FILES_HASH = "warehouse.gold-files-sha256"
FETCH_ROWS = "20000"


@dataclass(frozen=True)
class Pending:
    """What gold has and the lake's star has not."""

    batch_id: int
    months: list[date]
    file_count: int
    files_sha256: str

    @property
    def mark(self) -> dict[str, str]:
        """What the fact's snapshot will say of itself."""
        return {
            BATCH: str(self.batch_id),
            FILES: str(self.file_count),
            FILES_HASH: self.files_sha256,
        }


def pending(spark: SparkSession, run: Run) -> Pending | None:
    """Months that gold changed since; None when there is nothing to do."""
    done = int(summary(spark, DW_FACT).get(BATCH, 0))
    with transaction(run.conn) as cur:
        cur.execute("SELECT coalesce(max(batch_id), 0) FROM ops.watermarks")
        row = cur.fetchone()
        batch = int(row[0]) if row else 0
        if batch <= done:
            return None
        cur.execute("SELECT month FROM ops.fact_months WHERE batch_id > %s ORDER BY month", (done,))
        months = [r[0] for r in cur.fetchall()]
        cur.execute("SELECT file_sha256 FROM ops.loaded_files ORDER BY file_sha256")
        hashes = [r[0] for r in cur.fetchall()]
    digest = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    return Pending(batch, months, len(hashes), digest)


def extract(spark: SparkSession, settings: Settings, table: Table, months: list[date]) -> DataFrame:
    """A table of gold as it is; of the fact, the given months, one task a month."""
    target = dsn(settings)
    url = jdbc_url(target, options="-c timezone=UTC")
    properties = {
        "user": target["user"],
        "password": target["password"],
        "driver": "org.postgresql.Driver",
        "fetchsize": FETCH_ROWS,
    }
    if table is not DW_FACT:
        return spark.read.jdbc(url, f"public.{table.name}", properties=properties)
    spans = [f"date_sk / 100 = {m.year * 100 + m.month}" for m in months]
    bounds = [
        f"{span} AND invoice_date >= '{m}T00:00:00Z' AND invoice_date < '{next_month(m)}T00:00:00Z'"
        for span, m in zip(spans, months, strict=True)
    ]
    return spark.read.jdbc(url, f"public.{table.name}", predicates=bounds, properties=properties)


def transform(rows: DataFrame, table: Table) -> DataFrame:
    """Rows of gold in the form of the lake's table."""
    if table is DW_FACT:
        rows = rows.withColumns(
            {"year": F.expr("date_sk div 10000"), "month": F.expr("(date_sk div 100) % 100")}
        )
    return rows.select(*(F.col(c.name).cast(c.type).alias(c.name) for c in table.columns))


def with_archived(rows: DataFrame, table: Table, kept: Archive) -> DataFrame:
    """A dimension, with the members that gold has no more and archived lines point to.

    A customer's first and last purchase are of all lines, archived ones among them.

    Args:
        rows: the dimension as gold has it.
    """
    spark, key = rows.sparkSession, DIMENSIONS[table]
    lines = kept.lines(spark)
    gone = spark.table(table.full_name).join(rows.select(key), key, how="left_anti")
    if table is DW_DIM_CUSTOMERS:
        return _with_customers(rows, gone, lines)
    if table is DW_DIM_DATES:
        gone = gone.where(F.col("date") < F.lit(kept.past))
    elif gone.isEmpty():
        return rows
    else:
        gone = gone.join(lines.select(key).distinct(), key, how="left_semi")
    if table is DW_DIM_PRODUCTS:
        ended = F.coalesce("end_date", F.lit(kept.past))
        gone = gone.withColumns({"is_current": F.lit(False), "end_date": ended})
    return rows.unionByName(gone.select(rows.columns))


def _with_customers(rows: DataFrame, gone: DataFrame, lines: DataFrame) -> DataFrame:
    key = DIMENSIONS[DW_DIM_CUSTOMERS]
    spans = lines.where(F.col(key) != GUEST).groupBy(key)
    dated = spans.agg(F.min("invoice_date").alias("low"), F.max("invoice_date").alias("high"))
    of_archive = F.lit(True).alias("of_archive")
    every = rows.select("*", F.lit(False).alias("is_gone")).unionByName(
        gone.select(*rows.columns, F.lit(True).alias("is_gone"))
    )
    joined = every.join(dated.select("*", of_archive), key, how="left")
    held = joined.where(~F.col("is_gone") | F.col("of_archive"))
    first, last = F.least("first_purchase", "low"), F.greatest("last_purchase", "high")
    return held.withColumns({"first_purchase": first, "last_purchase": last}).select(rows.columns)


def load(rows: DataFrame, table: Table, replaced: Column, mark: dict[str, str]) -> None:
    """Put the rows in the place of those that `replaced` selects, in one commit."""
    writer = rows.writeTo(table.full_name)
    for name, value in mark.items():
        writer = writer.option(f"snapshot-property.{name}", value)
    with effect("the write of the star"):
        writer.overwrite(replaced)


def in_months(months: list[date]) -> Column:
    """Whether a line of the fact is of one of these months."""
    condition = F.lit(False)
    for month in months:
        condition = condition | ((F.col("year") == month.year) & (F.col("month") == month.month))
    return condition


def put_months(rows: DataFrame, months: list[date]) -> None:
    """Put the rows in the place of these months' lines; the fact stays as far as it was."""
    mark = our_words(written_by(rows.sparkSession, DW_FACT))
    load(rows, DW_FACT, in_months(months), mark)


def bring_up_to_date(spark: SparkSession, run: Run, todo: Pending) -> None:
    """Dimensions first, so that no fact points to what is not there."""
    with transaction(run.conn) as cur:
        kept = archive(cur)
    for table in DIMENSIONS:
        rows = transform(extract(spark, run.settings, table, []), table)
        if kept:
            rows = with_archived(rows, table, kept)
        load(rows.coalesce(1), table, F.lit(True), {})
    if todo.months:
        rows = transform(extract(spark, run.settings, DW_FACT, todo.months), DW_FACT)
    else:
        rows = frame_of(spark, [], DW_FACT.schema)
    load(rows, DW_FACT, in_months(todo.months), todo.mark)


def run(context: JobContext) -> Run:
    """Bring the lake's star up to gold."""
    spark = context.session
    with run_context(context.settings, JOB, LOCKS, trigger=context.trigger) as this:
        ensure_tables(spark, context.settings)
        todo = pending(spark, this)
        this.counts["months"] = len(todo.months) if todo else 0
        if todo and not context.dry_run:
            bring_up_to_date(spark, this, todo)
            this.counts |= {
                "rows": int(summary(spark, DW_FACT).get("added-records", 0)),
                "files": todo.file_count,
            }
    verb = "would write" if context.dry_run else "wrote"
    say(f"dw: {verb} {this.counts['months']} months, {thousands(this.counts.get('rows', 0))} lines")
    return this


def main(
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be written; write nothing.")
    ] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Bring ecommerce_dw up to gold."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run)


if __name__ == "__main__":
    typer.run(main)
