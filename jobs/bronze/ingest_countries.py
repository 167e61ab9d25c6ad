"""Countries master → `countries_snapshots` (append-only) → `countries` (SCD type 0).

Grain of `countries`: one row a country; the value of the earliest-dated file stays, and
what later files say otherwise is reported as drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import typer
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.bronze.intake import complain, settle
from jobs.bronze.master_rows import COUNTRY_COLUMNS, parse_countries
from jobs.bronze.snapshots import Master, effective, preview, revisions, sort_out, take_files
from jobs.common.contracts import COUNTRIES, COUNTRIES_SNAPSHOTS
from jobs.common.dates import From, To
from jobs.common.job import JobContext, run_main, say
from jobs.common.lake import BUILT_FROM, ensure_tables, get_property, set_property, snapshot_id
from jobs.common.landing import Landing
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.settings import Settings

JOB = "ingest_countries"
LOCKS = ("bronze.countries",)
DRIFT_SHOWN = 10

VALUES = (
    ("country_id", pa.int32()),
    ("country", pa.string()),
    ("iso_code", pa.string()),
    ("region", pa.string()),
    ("sub_region", pa.string()),
)


def master(settings: Settings) -> Master:
    """The countries master."""
    return Master(
        "countries",
        COUNTRIES_SNAPSHOTS,
        COUNTRY_COLUMNS,
        parse_countries,
        VALUES,
        settings.countries_max_shrink,
    )


def transform(snapshots: DataFrame) -> DataFrame:
    """The standing value of each country.

    Args:
        snapshots: snapshot rows that count.

    Returns:
        One row a country_id: the row of the earliest snapshot_date. A name that several
        ids bear belongs to the one listed first, then to the lowest id.
    """
    first = Window.partitionBy("country_id").orderBy("snapshot_date")
    named = Window.partitionBy("country").orderBy("snapshot_date", "country_id")
    return (
        snapshots.withColumn("nth", F.row_number().over(first))
        .where("nth = 1")
        .withColumn("nth", F.row_number().over(named))
        .where("nth = 1")
        .select(*COUNTRY_COLUMNS, F.col("snapshot_date").alias("first_seen_date"))
    )


def drift(snapshots: DataFrame, countries: DataFrame) -> DataFrame:
    """What snapshots say otherwise than the standing value.

    Returns:
        One row a country_id, attribute and differing value, with the date it was first said.
    """
    joined = snapshots.alias("s").join(countries.alias("c"), "country_id", how="inner")
    names = [name for name in COUNTRY_COLUMNS if name != "country_id"]
    pairs = F.explode(
        F.array(
            *(
                F.struct(
                    F.lit(name).alias("attribute"),
                    F.col(f"c.{name}").alias("standing"),
                    F.col(f"s.{name}").alias("said"),
                )
                for name in names
            )
        )
    )
    told = joined.select("country_id", "s.snapshot_date", pairs.alias("p")).where(
        ~F.col("p.standing").eqNullSafe(F.col("p.said"))
    )
    return told.groupBy("country_id", "p.attribute", "p.standing", "p.said").agg(
        F.min("snapshot_date").alias("since")
    )


def load(spark: SparkSession, countries: DataFrame) -> int:
    """Replace the table when anything differs. Returns the number of rows that differ."""
    held = spark.table(COUNTRIES.full_name)
    changed = countries.exceptAll(held).count() + held.exceptAll(countries).count()
    if changed:
        countries.coalesce(1).writeTo(COUNTRIES.full_name).overwrite(F.lit(True))
    return changed


def report_drift(run: Run, snapshots: DataFrame, countries: DataFrame) -> None:
    """Say which attributes later files state otherwise; the standing value stays."""
    rows = drift(snapshots, countries).orderBy("country_id", "attribute", "since").collect()
    run.counts["drift"] = len(rows)
    for row in rows[:DRIFT_SHOWN]:
        run.warn(
            f"drift: country {row.country_id} {row.attribute} stays {row.standing!r};"
            f" since {row.since} the master says {row.said!r}"
        )


def update_countries(spark: SparkSession, run: Run) -> int:
    """Bring `countries` up to `countries_snapshots`. Returns the number of rows that changed."""
    target = snapshot_id(spark, COUNTRIES_SNAPSHOTS)
    if target is None or get_property(spark, COUNTRIES, BUILT_FROM) == str(target):
        return 0
    rows = spark.table(COUNTRIES_SNAPSHOTS.full_name)
    snapshots = effective(rows, revisions(rows))
    standing = transform(snapshots)
    changed = load(spark, standing)
    report_drift(run, snapshots, spark.table(COUNTRIES.full_name))
    set_property(spark, COUNTRIES, BUILT_FROM, str(target))
    return changed


def run(context: JobContext, *, replace: bool = False) -> Run:
    """Take in every waiting countries file.

    Raises:
        BadInput: files were refused (the good ones are in).
    """
    spark, replace = context.session, replace or context.force
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=context.parameters
    ) as record:
        ensure_tables(spark, context.settings)
        landing = Landing(spark, context.settings.landing, "countries")
        if context.dry_run:
            say(preview(spark, landing, master(context.settings), context.dates, replace=replace))
            return record
        intake, ledger = sort_out(
            spark, landing, master(context.settings), context.dates, replace=replace
        )
        take_files(spark, master(context.settings), record, intake, ledger)
        record.counts["countries_changed"] = update_countries(spark, record)
        settle(landing, intake, record)
    say(
        f"countries: {len(intake.accepted)} new files, {len(intake.repeats)} repeats,"
        f" {record.counts['countries_changed']} countries changed,"
        f" {record.counts.get('drift', 0)} drifted"
    )
    complain(intake, "countries")
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
    """Take waiting countries files into bronze."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run, dates=(start, end), force=replace)


if __name__ == "__main__":
    typer.run(main)
