"""Bronze → gold: dimensions and fact, in one Postgres transaction.

Grain of the fact: one row an invoice line, priced as of its day. Lines that break a rule go
to `transactions_error`. When prices or countries changed, the loaded lines that they touch
are looked at again in the same run, so gold is what one load of all files would have made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from pyspark.sql import functions as F

from jobs.common.checks import enforce, record
from jobs.common.contracts import COUNTRIES as BRONZE_COUNTRIES
from jobs.common.contracts import PRODUCTS as BRONZE_PRODUCTS
from jobs.common.contracts import TRANSACTIONS_RAW, Table
from jobs.common.db import transaction
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables, is_ancestor, read_at, read_since, snapshot_id
from jobs.common.runlog import Run, run_context
from jobs.gold import pricing, split_stream, staging
from jobs.gold.merge import SourceFile, Staged, close_views, merge
from jobs.gold.reference import lines_of, touched

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame, SparkSession

JOB = "fact_postgres"
LOCKS = ("gold",)

# Lines that are to be looked at again whatever changed: given bronze, the rows.
Again = Callable[["DataFrame"], "DataFrame"]


@dataclass(frozen=True)
class Positions:
    """Snapshots of the bronze tables: up to where gold is, and as they are now."""

    taken: dict[str, int]
    now: dict[str, int]

    def read(self, spark: SparkSession, table: Table) -> DataFrame:
        """The table as it is now: all reads of a run see one state, which it then records."""
        if table.full_name in self.now:
            return read_at(spark, table, self.now[table.full_name])
        return spark.table(table.full_name)

    def moved(self, table: Table) -> bool:
        """Whether the table has something that gold has not taken in."""
        return (
            table.full_name in self.now
            and self.taken.get(table.full_name) != self.now[table.full_name]
        )


def positions(spark: SparkSession, run: Run) -> Positions:
    """Read both."""
    with transaction(run.conn) as cur:
        cur.execute("SELECT table_name, snapshot_id FROM ops.watermarks")
        taken = dict(cur.fetchall())
    tables = (TRANSACTIONS_RAW, BRONZE_PRODUCTS, BRONZE_COUNTRIES)
    now = {t.full_name: snapshot_id(spark, t) for t in tables}
    return Positions(taken, {name: s for name, s in now.items() if s is not None})


def extract(spark: SparkSession, run: Run, at: Positions) -> tuple[DataFrame, list[SourceFile]]:
    """Rows of files that gold has not taken, and the files."""
    name = TRANSACTIONS_RAW.full_name
    rows = at.read(spark, TRANSACTIONS_RAW)
    if not at.moved(TRANSACTIONS_RAW):
        return rows.limit(0), []
    since = at.taken.get(name)
    if since is not None and is_ancestor(spark, TRANSACTIONS_RAW, since):
        rows = read_since(spark, TRANSACTIONS_RAW, since, at.now[name])
    elif since is not None:
        rows = _without_taken(spark, run, rows)
    per_file = rows.groupBy("file_sha256", "source_file", "window_start").count().collect()
    return rows, [SourceFile(r[0], r[1], r[2].astimezone(), r[3]) for r in per_file]


def _without_taken(spark: SparkSession, run: Run, rows: DataFrame) -> DataFrame:
    """For when the snapshot that gold had taken was expired: ask by hash."""
    with transaction(run.conn) as cur:
        cur.execute("SELECT file_sha256 FROM ops.loaded_files")
        taken = spark.createDataFrame(cur.fetchall(), "file_sha256 string")
    return rows.join(F.broadcast(taken), "file_sha256", how="left_anti")


def transform(lines: DataFrame, prices: DataFrame, countries: DataFrame) -> DataFrame:
    """Price each line as of its day and split the stream; see `split_stream.transform`."""
    return split_stream.transform(lines, prices, countries)


def load(run: Run, staged: Staged) -> None:
    """Merge what was staged: one transaction, the run row among it.

    Raises:
        WarehouseError: a check failed; gold is as it was.
    """
    with transaction(run.conn) as cur:
        checks = merge(cur, run, staged)
        enforce(run, checks)
        record(cur, run, checks)
        _tell_stewards(cur, run)
        close_views(cur)
        run.finish(cur)


def _tell_stewards(cur: Cursor, run: Run) -> None:
    cur.execute(
        "SELECT count(*) FROM transactions_error WHERE batch_id = %s AND status = 'OPEN'",
        (run.run_id,),
    )
    row = cur.fetchone()
    if row and row[0]:
        cur.execute("SELECT ops.add_finding('errors', %s, %s)", (run.run_id, row[0]))


def _stage_reference(spark: SparkSession, run: Run, at: Positions, staged: Staged) -> None:
    """Stage the dimensions that changed, whole: they are small beside the fact."""
    if at.moved(BRONZE_PRODUCTS):
        frame = pricing.with_keys(at.read(spark, BRONZE_PRODUCTS))
        staging.create(run.conn, staging.PRODUCTS, run)
        staging.copy(run.conn, frame, staging.PRODUCTS, run, run.settings)
        staged.products = True
    if at.moved(BRONZE_COUNTRIES):
        staging.create(run.conn, staging.COUNTRIES, run)
        frame = at.read(spark, BRONZE_COUNTRIES)
        staging.copy(run.conn, frame, staging.COUNTRIES, run, run.settings)
        staged.countries = True


def _lines_to_load(
    spark: SparkSession, run: Run, at: Positions, staged: Staged, again: Again | None
) -> DataFrame | None:
    """New lines and those to be looked at again; None when there are none."""
    new, staged.files = extract(spark, run, at)
    parts = [new.withColumn("is_new", F.lit(True))] if staged.files else []
    loaded = _loaded(spark, at, staged)
    if loaded is not None:
        with transaction(run.conn) as cur:
            change = touched(cur, run, products=staged.products, countries=staged.countries)
        seen = [lines_of(spark, loaded, change)] if change else []
        seen += [again(loaded)] if again else []
        if seen:
            rows = seen[0] if len(seen) == 1 else seen[0].unionByName(seen[1]).distinct()
            parts.append(rows.withColumn("is_new", F.lit(False)))
    if not parts:
        return None
    lines = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    return lines.withColumn("day", F.to_date("invoice_date"))


def _loaded(spark: SparkSession, at: Positions, staged: Staged) -> DataFrame | None:
    """Rows of `transactions_raw` that gold has taken; None when it has none."""
    if TRANSACTIONS_RAW.full_name not in at.taken:
        return None
    rows = at.read(spark, TRANSACTIONS_RAW)
    if not staged.files:
        return rows
    new = spark.createDataFrame([(f.sha256,) for f in staged.files], "file_sha256 string")
    return rows.join(F.broadcast(new), "file_sha256", how="left_anti")


def _stage_lines(spark: SparkSession, run: Run, at: Positions, lines: DataFrame) -> int:
    days = sorted(r[0] for r in lines.where("problem IS NULL").select("day").distinct().collect())
    versions = pricing.with_keys(at.read(spark, BRONZE_PRODUCTS))
    prices = pricing.prices_for(versions, lines, days)
    frame = transform(lines, prices, at.read(spark, BRONZE_COUNTRIES))
    return staging.copy(run.conn, frame, staging.LINES, run, run.settings)


def bring_up_to_date(context: JobContext, run: Run, *, again: Again | None = None) -> None:
    """Load what bronze has and gold has not; look at the lines of `again` again."""
    spark = context.session
    at = positions(spark, run)
    staged = Staged(snapshots=at.now)
    _stage_reference(spark, run, at, staged)
    lines = _lines_to_load(spark, run, at, staged, again)
    if lines is None and not (staged.products or staged.countries or at.moved(TRANSACTIONS_RAW)):
        run.counts |= {"rows_in": 0, "loaded": 0}
        return
    staging.create(run.conn, staging.LINES, run)
    if lines is not None:
        staged.line_count = _stage_lines(spark, run, at, lines)
    load(run, staged)
    staging.drop(run.conn, run)


def told(counts: dict[str, object]) -> str:
    """What a load did, in words."""
    names = ("rows_in", "loaded", "unchanged", "superseded", "error", "restated", "moved_to_error")
    words = [
        f"{thousands(counts[name])} {name.replace('_', ' ')}" for name in names if counts.get(name)
    ]
    return ", ".join(words) or "nothing new"


def run(context: JobContext) -> Run:
    """Bring gold up to bronze."""
    spark = context.session
    with run_context(context.settings, JOB, LOCKS, trigger=context.trigger) as this:
        ensure_tables(spark, context.settings)
        if context.dry_run:
            _, files = extract(spark, this, positions(spark, this))
            lines = sum(f.line_count for f in files)
            say(f"would load {thousands(lines)} lines of {len(files)} files")
            return this
        bring_up_to_date(context, this)
    say(f"gold: {told(this.counts)}")
    return this


def main(
    dry_run: Annotated[bool, typer.Option(help="Say what would be loaded; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Load bronze into the star schema."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run)


if __name__ == "__main__":
    typer.run(main)
