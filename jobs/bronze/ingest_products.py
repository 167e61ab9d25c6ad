"""Products master → `products_snapshots` (append-only) → `products` (SCD type 2).

Grain of `products`: one row a version of a product, in effect in [effective_date, end_date).
The history is built from the snapshots that came in since it was last built, so a run that
died between the two commits is made good by the next.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from pyspark.sql import functions as F

from jobs.bronze import layouts
from jobs.bronze.intake import complain, settle
from jobs.bronze.late_lists import amended
from jobs.bronze.ledger import (
    BuiltFrom,
    Held,
    dates_between,
    effective,
    note_built_from,
    read_built_from,
    revisions,
)
from jobs.bronze.master_rows import PRODUCT_COLUMNS
from jobs.bronze.older_homes import set_current_apart
from jobs.bronze.scd2 import KEY, VERSION, Missing, difference, next_versions, versions
from jobs.bronze.snapshots import Master, preview, sort_out, take_files
from jobs.common.contracts import PRODUCTS, PRODUCTS_SNAPSHOTS
from jobs.common.dates import From, To
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import (
    BUILT_FROM,
    ensure_tables,
    is_ancestor,
    set_property,
    snapshot_id,
    summary,
)
from jobs.common.landing import Landing
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from jobs.common.settings import Settings

JOB = "ingest_products"
LOCKS = ("bronze.products",)


def master(settings: Settings) -> Master:
    """The products master."""
    return Master(
        "products",
        PRODUCTS_SNAPSHOTS,
        PRODUCTS,
        PRODUCT_COLUMNS,
        layouts.PRODUCTS,
        settings.products_max_shrink,
    )


def extract(spark: SparkSession, since: BuiltFrom | None) -> DataFrame:
    """Snapshot rows that the history has not seen; all of them when it has to be built anew."""
    if since is None:
        return spark.table(PRODUCTS_SNAPSHOTS.full_name)
    new = spark.read.format("iceberg").option("start-snapshot-id", since.snapshot)
    return new.load(PRODUCTS_SNAPSHOTS.full_name)


def transform(
    lists: DataFrame,
    history: DataFrame,
    pending: DataFrame,
    *,
    dates: dict[date, int],
    days: dict[date, int],
    missing: Missing,
    whole: bool = True,
) -> DataFrame:
    """The versions to put or delete so that the history tells of the pending snapshots too.

    Args:
        lists: all snapshot rows, of all revisions.
        history: the versions as they are.
        pending: snapshot rows that the history has not seen.
        dates: snapshot dates, each with its highest revision; of a whole history, those from
            the first pending one to the first after the last one are enough.
        days: the same of the pending rows.
        missing: what it means that a snapshot lacks a product.
        whole: whether the history tells of all other snapshots and of no pending one.

    Returns:
        One row a version, columns `scd2.VERSION` and `op`: 'put' or 'delete'.
    """
    if not whole:
        return difference(history, versions(effective(lists, dates), sorted(dates), missing))
    new, later = effective(pending, days), is_later(days, dates)
    current, first = F.col("is_current"), min(days)
    held = history.where(current if later else current | (F.col("end_date") >= F.lit(first)))
    if later and len(days) == 1:
        return next_versions(held, new, first, missing).withColumn("op", F.lit("put"))
    return amended(held, new, lists, days=days, dates=dates, missing=missing)


def is_later(days: dict[date, int], dates: dict[date, int]) -> bool:
    """Whether the pending snapshots are of dates after all others, and replace none."""
    others = dates.keys() - days.keys()
    return not any(days.values()) and min(days) > max(others, default=date.min)


def load(spark: SparkSession, changes: DataFrame, scope: Column) -> int:
    """Apply the changes in one commit, none when there are none. Returns their number.

    Args:
        scope: the versions that they may touch, whole partitions: these are written anew.
    """
    count = changes.count()
    if count:
        held = spark.table(PRODUCTS.full_name).where(scope)
        kept = held.join(changes, [KEY, "effective_date"], how="left_anti")
        put = changes.where("op = 'put'").select(*VERSION)
        kept.select(*VERSION).unionByName(put).writeTo(PRODUCTS.full_name).overwrite(scope)
    return count


def load_first(spark: SparkSession, found: DataFrame) -> int:
    """Write the first history. Returns the number of its versions."""
    found.writeTo(PRODUCTS.full_name).append()
    return int(summary(spark, PRODUCTS)["added-records"])


def update_history(spark: SparkSession, settings: Settings, held: Held) -> int:
    """Bring `products` up to `products_snapshots`. Returns the number of versions that changed."""
    missing, target = settings.products_missing, snapshot_id(spark, PRODUCTS_SNAPSHOTS)
    built = read_built_from(spark, PRODUCTS)
    if target is None or (built and (built.snapshot, built.mode) == (target, missing)):
        return 0
    is_usable = built and built.mode == missing
    if built and not (is_usable and is_ancestor(spark, PRODUCTS_SNAPSHOTS, built.snapshot)):
        built = None
    pending = extract(spark, built)
    is_told = held.taken and held.at == (built.snapshot if built else None)
    days = held.taken if is_told else revisions(pending)
    dates, whole = all_dates(spark, built, days)
    count = 0
    if days:
        with effect("the product history"):
            count = bring_up_to_date(spark, pending, days, dates, missing=missing, whole=whole)
    note = note_built_from(spark, PRODUCTS_SNAPSHOTS, PRODUCTS, missing, max(dates), held)
    with effect("the mark of the product history"):
        set_property(spark, PRODUCTS, BUILT_FROM, note)
    return count


def all_dates(
    spark: SparkSession, built: BuiltFrom | None, days: dict[date, int]
) -> tuple[dict[date, int], bool]:
    """The dates of snapshots, as `transform` has to know them, and its `whole`.

    The newest of all is among them.
    """
    if built is None:
        return days, False
    lists = spark.table(PRODUCTS_SNAPSHOTS.full_name)
    if not built.newest or not built.accepted or built.history != snapshot_id(spark, PRODUCTS):
        return revisions(lists), False
    newest = {built.newest: built.accepted.revision}
    if not days:
        return newest, True
    return newest | dates_between(lists, min(days), max(days), built.newest) | days, True


def bring_up_to_date(
    spark: SparkSession,
    pending: DataFrame,
    days: dict[date, int],
    dates: dict[date, int],
    *,
    missing: Missing,
    whole: bool,
) -> int:
    """Put into the history what the pending snapshots change; see `transform`."""
    set_current_apart(spark)
    lists = spark.table(PRODUCTS_SNAPSHOTS.full_name)
    if snapshot_id(spark, PRODUCTS) is None:
        return load_first(spark, versions(effective(lists, dates), sorted(dates), missing))
    history = spark.table(PRODUCTS.full_name)
    changes = transform(
        lists, history, pending, dates=dates, days=days, missing=missing, whole=whole
    )
    scope = F.col("is_current") if whole and is_later(days, dates) else F.lit(True)
    # Not persist(): a write renews the cached plans that read its table, and they pile up.
    return load(spark, changes.localCheckpoint(), scope)


def run(context: JobContext, *, replace: bool = False) -> Run:
    """Take in every waiting price list and bring the product history up to date.

    Raises:
        BadInput: files were refused (the good ones are in).
    """
    spark, replace = context.session, replace or context.force
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=context.parameters
    ) as record:
        ensure_tables(spark, context.settings)
        landing = Landing(spark, context.settings.landing, "products")
        if context.dry_run:
            say(preview(spark, landing, master(context.settings), context.dates, replace=replace))
            return record
        intake, held = sort_out(
            spark, landing, master(context.settings), context.dates, replace=replace
        )
        intake = take_files(spark, landing, master(context.settings), record, intake, held)
        record.counts["versions_changed"] = update_history(spark, context.settings, held)
        settle(landing, intake, record)
    say(
        f"products: {len(intake.accepted)} new price lists, {len(intake.repeats)} repeats,"
        f" {thousands(record.counts['versions_changed'])} versions changed"
    )
    complain(intake, "products")
    return record


def main(
    start: From = None,
    end: To = None,
    replace: Annotated[
        bool, typer.Option("--replace", "--force", help="A file may replace another of its date.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be taken; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Take waiting price lists into bronze."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run, dates=(start, end), force=replace)


if __name__ == "__main__":
    typer.run(main)
