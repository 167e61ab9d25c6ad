"""Products master → `products_snapshots` (append-only) → `products` (SCD type 2).

Grain of `products`: one row a version of a product, in effect in [effective_date, end_date).
The history is built from the snapshots that came in since it was last built, so a run that
died between the two commits is made good by the next.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import typer
from pyspark.sql import functions as F

from jobs.bronze.intake import complain, settle
from jobs.bronze.master_rows import PRODUCT_COLUMNS, parse_products
from jobs.bronze.scd2 import KEY, VERSION, Missing, difference, next_versions, versions
from jobs.bronze.snapshots import Master, effective, preview, revisions, sort_out, take_files
from jobs.common.contracts import PRODUCTS, PRODUCTS_SNAPSHOTS
from jobs.common.dates import From, To
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import (
    BUILT_FROM,
    ensure_tables,
    get_property,
    is_ancestor,
    set_property,
    snapshot_id,
)
from jobs.common.landing import Landing
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.settings import Settings

JOB = "ingest_products"
LOCKS = ("bronze.products",)

VALUES = (
    ("stock_code", pa.string()),
    ("description", pa.string()),
    ("category", pa.string()),
    ("unit_price", pa.decimal128(12, 4)),
    ("stock_quantity", pa.int32()),
)


def master(settings: Settings) -> Master:
    """The products master."""
    return Master(
        "products",
        PRODUCTS_SNAPSHOTS,
        PRODUCT_COLUMNS,
        parse_products,
        VALUES,
        settings.products_max_shrink,
    )


def extract(spark: SparkSession, built_from: str | None, missing: Missing) -> DataFrame:
    """Snapshot rows that the history has not seen; all of them when it has to be built anew."""
    snapshot, _, mode = (built_from or "").partition(" ")
    if mode == missing and is_ancestor(spark, PRODUCTS_SNAPSHOTS, int(snapshot)):
        new = spark.read.format("iceberg").option("start-snapshot-id", snapshot)
        return new.load(PRODUCTS_SNAPSHOTS.full_name)
    return spark.table(PRODUCTS_SNAPSHOTS.full_name)


def transform(
    snapshots: DataFrame,
    history: DataFrame,
    pending: DataFrame,
    *,
    dates: dict[date, int],
    days: dict[date, int],
    missing: Missing,
) -> DataFrame:
    """The versions to put or delete so that the history tells of the pending snapshots too.

    Args:
        snapshots: all snapshot rows that count.
        history: the versions as they are.
        pending: snapshot rows that the history has not seen.
        dates: all snapshot dates, each with its highest revision.
        days: the same of the pending rows.
        missing: what it means that a snapshot lacks a product.

    Returns:
        One row a version, columns `scd2.VERSION` and `op`: 'put' or 'delete'.
    """
    every, newest = sorted(dates), max(dates)
    if any(days.values()) or len(days) == len(dates):
        return difference(history, versions(snapshots, every, missing))
    if set(days) == {newest}:
        latest = snapshots.where(F.col("snapshot_date") == newest)
        changes = next_versions(history.where("is_current"), latest, newest, missing)
        return changes.withColumn("op", F.lit("put"))
    keys = _touched(snapshots, pending, every, sorted(days), missing)
    touched = versions(snapshots.join(keys, KEY, how="left_semi"), every, missing)
    return difference(history.join(keys, KEY, how="left_semi"), touched)


def _touched(
    snapshots: DataFrame, pending: DataFrame, dates: list[date], days: list[date], missing: Missing
) -> DataFrame:
    """Products whose history the pending snapshots can change."""
    keys = pending.select(KEY)
    if missing == "invalidate":
        # who was listed right before a late snapshot, and is not in it, left that day
        before = {max((d for d in dates if d < day), default=day) for day in days}
        listed = snapshots.where(F.col("snapshot_date").isin(list(before)))
        keys = keys.unionByName(listed.select(KEY))
    return keys.distinct()


def load(spark: SparkSession, changes: DataFrame) -> int:
    """Apply the changes in one commit, none when there are none. Returns their number."""
    count = changes.count()
    if not count:
        return 0
    if snapshot_id(spark, PRODUCTS) is None:
        changes.select(*VERSION).writeTo(PRODUCTS.full_name).append()
        return count
    # Not SQL on a temp view: planning a MERGE fails when the view reads the target itself.
    keys = (KEY, "effective_date")
    same = [F.col(f"{PRODUCTS.name}.{name}") == F.col(f"s.{name}") for name in keys]
    new = {name: F.col(f"s.{name}") for name in VERSION}
    (
        changes.alias("s")
        .mergeInto(PRODUCTS.full_name, same[0] & same[1])
        .whenMatched(F.col("s.op") == "delete")
        .delete()
        .whenMatched()
        .update({name: value for name, value in new.items() if name not in keys})
        .whenNotMatched()
        .insert(new)
        .merge()
    )
    return count


def update_history(spark: SparkSession, settings: Settings) -> int:
    """Bring `products` up to `products_snapshots`. Returns the number of versions that changed."""
    missing = settings.products_missing
    # "<snapshot> <what a missing product means>"
    target = f"{snapshot_id(spark, PRODUCTS_SNAPSHOTS)} {missing}"
    built_from = get_property(spark, PRODUCTS, BUILT_FROM)
    if target.startswith("None") or built_from == target:
        return 0
    rows = spark.table(PRODUCTS_SNAPSHOTS.full_name)
    pending = extract(spark, built_from, missing)
    dates = revisions(rows)
    changes = transform(
        effective(rows, dates),
        spark.table(PRODUCTS.full_name),
        pending,
        dates=dates,
        days=revisions(pending),
        missing=missing,
    )
    # Not persist(): a write renews the cached plans that read its table, and they pile up.
    count = load(spark, changes.localCheckpoint())
    set_property(spark, PRODUCTS, BUILT_FROM, target)
    return count


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
        intake, ledger = sort_out(
            spark, landing, master(context.settings), context.dates, replace=replace
        )
        take_files(spark, master(context.settings), record, intake, ledger)
        record.counts["versions_changed"] = update_history(spark, context.settings)
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
