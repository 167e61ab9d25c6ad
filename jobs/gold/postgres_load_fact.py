"""Bronze → gold: dimensions and fact, in one Postgres transaction.

Grain of the fact: one row an invoice line, priced as of its day. Lines that break a rule go
to `transactions_error`. When prices or countries changed, the loaded lines that they touch
are looked at again in the same run, so gold is what one load of all files would have made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from pyspark.sql import functions as F

from jobs.common.archived import archive
from jobs.common.checks import enforce, record
from jobs.common.contracts import COUNTRIES as BRONZE_COUNTRIES
from jobs.common.contracts import PRODUCTS as BRONZE_PRODUCTS
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.country_names import aliases, with_aliases
from jobs.common.dates import Dates, From, To
from jobs.common.db import transaction
from jobs.common.errors import FailedCheck, HeldBack, UsageError
from jobs.common.frames import frame_of
from jobs.common.job import Accept, JobContext, exit_code_of, run_main, say, thousands
from jobs.common.lake import ensure_tables, is_ancestor, read_since
from jobs.common.prices_by_hand import Price, in_force, with_prices
from jobs.common.runlog import Run, run_context
from jobs.gold import breaker, corrections, pricing, split_stream, staging
from jobs.gold.closed import archived_among, still_open, with_closed
from jobs.gold.force import lines_of_days, whole_transactions
from jobs.gold.hold import hold, settle
from jobs.gold.merge import close_views, merge
from jobs.gold.positions import Positions, changed_since, lines_taken, new_lists, positions
from jobs.gold.publish import hold_readers
from jobs.gold.reference import lines_of, touched, versions_since
from jobs.gold.staged import SourceFile, Staged

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame, SparkSession

JOB = "fact_postgres"
LOCKS = ("gold",)

# Lines that are to be looked at again whatever changed: given bronze, the rows.
Again = Callable[["DataFrame"], "DataFrame"]


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
    usable = F.when(F.col("problem").isNull(), F.to_date("invoice_date"))
    files = rows.groupBy("file_sha256", "source_file", "window_start")
    told = files.agg(F.count("*"), F.collect_set(usable)).collect()
    return rows, [SourceFile(r[0], r[1], r[2].astimezone(), r[3], tuple(r[4])) for r in told]


def _without_taken(spark: SparkSession, run: Run, rows: DataFrame) -> DataFrame:
    """For when the snapshot that gold had taken was expired: ask by hash."""
    with transaction(run.conn) as cur:
        cur.execute("SELECT file_sha256 FROM ops.loaded_files")
        taken = frame_of(spark, cur.fetchall(), "file_sha256 string")
    return rows.join(F.broadcast(taken), "file_sha256", how="left_anti")


def transform(lines: DataFrame, countries: DataFrame) -> DataFrame:
    """Split the stream of priced lines; see `split_stream.transform`."""
    return split_stream.transform(lines, countries)


def load(run: Run, staged: Staged, accepted: str | None = None) -> None:
    """Merge what was staged: one transaction, the run row among it.

    Args:
        accepted: why what the breaker finds out of range is published all the same.

    Raises:
        HeldBack: the breaker found something out of range; gold is as it was.
        FailedCheck: gold is as it was.
    """
    with transaction(run.conn, "the load of gold") as cur:
        checks = merge(cur, run, staged)
        enforce(run, checks)
        verdict = breaker.judge(cur, run.settings, staged)
        if verdict.trips and accepted is None:
            hold(run, verdict, checks)
        record(cur, run, [*checks, *verdict.checks(accepted=accepted is not None)])
        settle(cur, run, verdict, accepted)
        _tell_stewards(cur, run)
        corrections.follow(cur, staged.corrected)
        close_views(cur)
        if run.counts.get("new_months") and not hold_readers(cur):
            run.warn("someone reads the fact for long: new months were attached beside them")
        run.finish(cur)


def _tell_stewards(cur: Cursor, run: Run) -> None:
    cur.execute(
        "SELECT count(*) FROM transactions_error WHERE batch_id = %s AND status = 'OPEN'",
        (run.run_id,),
    )
    row = cur.fetchone()
    if row and row[0]:
        cur.execute("SELECT ops.add_finding('errors', %s, %s)", (run.run_id, row[0]))


@dataclass(frozen=True)
class Products:
    """Product versions, with prices by hand on their days; at most how many, if known."""

    versions: DataFrame
    rows: int | None


def _products(spark: SparkSession, at: Positions, prices: list[Price]) -> Products:
    versions, more = with_prices(at.read(spark, BRONZE_PRODUCTS), prices)
    known = at.rows(spark, BRONZE_PRODUCTS)
    return Products(versions, None if known is None else known + more)


def _stage_reference(
    spark: SparkSession, run: Run, at: Positions, staged: Staged, products: Products
) -> None:
    """Stage the dimensions that changed; of the products, what can be other than gold has it."""
    wanted = at.now if staged.forced is not None else ()
    are_others = at.moved(BRONZE_PRODUCTS) or staged.has_new_prices
    if are_others or BRONZE_PRODUCTS.full_name in wanted:
        frame, rows = versions_since(products.versions, staged.since), products.rows
        if staged.since is not None and (rows is None or rows > staging.FEW):
            rows = frame.count()
        staging.create(run.conn, staging.PRODUCTS, run)
        staging.copy(run.conn, pricing.with_keys(frame), staging.PRODUCTS, run, run.settings, rows)
        staged.products = True
    if at.moved(BRONZE_COUNTRIES) or BRONZE_COUNTRIES.full_name in wanted:
        staging.create(run.conn, staging.COUNTRIES, run)
        frame = at.read(spark, BRONZE_COUNTRIES)
        rows = at.rows(spark, BRONZE_COUNTRIES)
        staging.copy(run.conn, frame, staging.COUNTRIES, run, run.settings, rows)
        staged.countries = True


@dataclass(frozen=True)
class Batch:
    """Lines to be staged, the days of those that are usable, and how many there are."""

    lines: DataFrame
    days: list[date]
    rows: int


def _lines_to_load(
    spark: SparkSession, run: Run, at: Positions, staged: Staged, again: Again | None
) -> Batch | None:
    """New lines and those to be looked at again; None when there are none."""
    new, staged.files = extract(spark, run, at)
    parts = [new.withColumn("is_new", F.lit(True))] if staged.files else []
    days = {day for file in staged.files for day in file.days}
    count = sum(file.line_count for file in staged.files)
    loaded = lines_taken(spark, at, staged.files)
    if loaded is not None:
        with transaction(run.conn) as cur:
            change = touched(cur, run, staged)
        if staged.archive and (change or again or staged.everything):
            loaded = still_open(spark, run, loaded, staged.archive)
        seen = [lines_of(spark, loaded, change)] if change else []
        seen += [again(loaded)] if again else []
        if staged.everything:
            seen = [loaded]
        if seen:
            rows = seen[0] if len(seen) == 1 else seen[0].unionByName(seen[1]).distinct()
            if staged.forced:
                rows = whole_transactions(loaded, rows, new)
            parts.append(rows.withColumn("is_new", F.lit(False)))
            usable_day = F.when(F.col("problem").isNull(), F.to_date("invoice_date"))
            counts = pricing.count_by_day(rows.withColumn("day", usable_day))
            days |= {day for day in counts if day is not None}
            count += sum(counts.values())
    if not parts:
        return None
    lines = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    return Batch(lines.withColumn("day", F.to_date("invoice_date")), sorted(days), count)


def _stage_lines(
    spark: SparkSession, run: Run, at: Positions, staged: Staged, batch: Batch, products: Products
) -> int:
    """Stage the lines; once more, if some say a line of an archived month anew."""
    count = _stage(spark, run, at, staged, batch, products)
    if staged.archive and (found := archived_among(spark, run, staged.archive)):
        staged.archived_ids = found
        staging.empty(run.conn, staging.LINES, run)
        count = _stage(spark, run, at, staged, batch, products)
    return count


def _stage(
    spark: SparkSession, run: Run, at: Positions, staged: Staged, batch: Batch, products: Products
) -> int:
    versions = pricing.with_keys(products.versions)
    priced = pricing.priced(batch.lines, versions, batch.days, products.rows)
    with transaction(run.conn) as cur:
        names = aliases(cur)
    priced = with_closed(priced, staged.archive, [each for each, _ in staged.archived_ids])
    frame = transform(priced, with_aliases(at.read(spark, BRONZE_COUNTRIES), names))
    return staging.copy(run.conn, frame, staging.LINES, run, run.settings, batch.rows)


def bring_up_to_date(
    context: JobContext,
    run: Run,
    *,
    again: Again | None = None,
    forced: Dates | None = None,
    reopen: date | None = None,
) -> None:
    """Load what bronze has and gold has not; look at the lines of `again` again.

    With `forced`, look at the lines of these days again and put right what gold holds of them.
    With `reopen`, archived months from that one on are gold's again: its days are to be forced.
    """
    spark = context.session
    at = positions(spark, run)
    staged = Staged(snapshots=at.now, forced=forced, lists=new_lists(spark, at), mode=at.mode)
    with transaction(run.conn) as cur:
        staged.corrected = corrections.unfollowed(cur)
        prices = in_force(cur)
        staged.archive = archive(cur)
    if reopen is not None:
        staged.reopened, staged.archive = reopen, staged.archive.before(reopen)
    if forced is None and not staged.has_new_prices:
        staged.since = changed_since(at, staged.lists)
    if forced is not None:
        again = partial(lines_of_days, days=forced)
    products = _products(spark, at, prices)
    _stage_reference(spark, run, at, staged, products)
    batch = _lines_to_load(spark, run, at, staged, again)
    if batch is None and at.all_taken and not staged.corrected:
        run.counts |= {"rows_in": 0, "loaded": 0}
        return
    staging.create(run.conn, staging.LINES, run)
    if batch is not None:
        staged.line_count = _stage_lines(spark, run, at, staged, batch, products)
    try:
        load(run, staged, context.accept)
    except (HeldBack, FailedCheck):
        staging.drop(run.conn, run)  # the next load stages again
        raise
    staging.drop(run.conn, run)


def told(counts: dict[str, object]) -> str:
    """What a load did, in words."""
    names = ("rows_in", "loaded", "unchanged", "superseded", "error", "restated", "moved_to_error")
    words = [
        f"{thousands(counts[name])} {name.replace('_', ' ')}" for name in names if counts.get(name)
    ]
    return ", ".join(words) or "nothing new"


def run(context: JobContext) -> Run:
    """Bring gold up to bronze; with force, put right what it holds of the context's dates."""
    spark = context.session
    forced = context.dates if context.force else None
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=context.parameters
    ) as this:
        ensure_tables(spark, context.settings)
        if context.dry_run:
            say(preview(spark, this, forced))
            return this
        bring_up_to_date(context, this, forced=forced)
    say(f"gold: {told(this.counts)}")
    return this


def preview(spark: SparkSession, run: Run, forced: Dates | None) -> str:
    """What a load would do, in words."""
    at = positions(spark, run)
    _, files = extract(spark, run, at)
    lines = sum(f.line_count for f in files)
    words = f"would load {thousands(lines)} lines of {len(files)} files"
    loaded = lines_taken(spark, at, files)
    if forced is None or loaded is None:
        return words
    with transaction(run.conn) as cur:
        closed = archive(cur)
    if closed:
        loaded = still_open(spark, run, loaded, closed)
    again = thousands(lines_of_days(loaded, forced).count())
    return f"{words}, and look again at {again} lines {forced}"


def main(
    start: From = None,
    end: To = None,
    force: Annotated[
        bool, typer.Option(help="Look at loaded lines again, and put right what gold holds.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be loaded; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
    accept: Accept = None,
) -> None:
    """Load bronze into the star schema."""
    if code := exit_code_of(lambda: refuse_dates_alone(start or end, force)):
        raise typer.Exit(code)
    run_main(
        *(JOB, run),
        scheduled=scheduled,
        dry_run=dry_run,
        dates=(start, end),
        force=force,
        accept=accept,
    )


def refuse_dates_alone(dated: str | None, force: bool) -> None:
    """Dates limit what a forced load looks at again, never what is new.

    Raises:
        UsageError: dates without force.
    """
    if dated and not force:
        raise UsageError(
            "gold is always brought up to the whole of bronze: --from and --to alone do nothing",
            do="add --force to look at the lines of these days again",
        )


if __name__ == "__main__":
    typer.run(main)
