"""Countries master → `countries_snapshots` (append-only) → `countries` (SCD type 0).

Grain of `countries`: one row a country; the value of the earliest-dated file stays, and
what later files say otherwise is reported as drift.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from pyspark.sql import functions as F

from jobs.bronze import layouts
from jobs.bronze.intake import complain, settle
from jobs.bronze.ledger import Held, effective, note_built_from, read_built_from, revisions
from jobs.bronze.master_rows import COUNTRY_COLUMNS
from jobs.bronze.snapshots import Master, preview, sort_out, take_files
from jobs.common.contracts import COUNTRIES, COUNTRIES_SNAPSHOTS
from jobs.common.dates import From, To
from jobs.common.frames import frame_of
from jobs.common.job import JobContext, run_main, say
from jobs.common.lake import BUILT_FROM, ensure_tables, set_property, snapshot_id
from jobs.common.landing import Landing
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.settings import Settings

JOB = "ingest_countries"
LOCKS = ("bronze.countries",)
DRIFT_SHOWN = 10

MODE = "first"  # the first value stays: there is no other way


class Country(NamedTuple):
    """A country as lists tell of it, with the date of the first that did."""

    country_id: int
    country: str
    iso_code: str | None
    region: str | None
    sub_region: str | None
    since: date


class Drift(NamedTuple):
    """What a list says otherwise than the standing value, with the date of the first."""

    country_id: int
    attribute: str
    since: date
    standing: str | None
    said: str | None


def master(settings: Settings) -> Master:
    """The countries master."""
    return Master(
        "countries",
        COUNTRIES_SNAPSHOTS,
        COUNTRIES,
        COUNTRY_COLUMNS,
        layouts.COUNTRIES,
        settings.countries_max_shrink,
    )


def extract(spark: SparkSession) -> tuple[list[Country], dict[date, int]]:
    """All that lists that count ever said of a country, and their dates with revisions."""
    rows = spark.table(COUNTRIES_SNAPSHOTS.full_name)
    dates = revisions(rows)
    told = effective(rows, dates).groupBy(*COUNTRY_COLUMNS).agg(F.min("snapshot_date"))
    return [Country(*row) for row in told.collect()], dates


def transform(told: Iterable[Country]) -> list[Country]:
    """The standing value of each country.

    Returns:
        One row a country_id: the row of the earliest date. A name that several ids bear
        belongs to the one listed first, then to the lowest id.
    """
    first: dict[int, Country] = {}
    named: dict[str, Country] = {}
    for row in sorted(told, key=lambda row: (row.since, row.country_id)):
        first.setdefault(row.country_id, row)
    for row in first.values():
        named.setdefault(row.country, row)
    return list(named.values())


def drift(told: Iterable[Country], standing: Iterable[Country]) -> list[Drift]:
    """What lists say otherwise than the standing value: each value once, since its first date."""
    stays = {row.country_id: row for row in standing}
    found: dict[tuple[int, str, str | None], Drift] = {}
    for row in sorted(told, key=lambda row: row.since):
        for name in COUNTRY_COLUMNS if row.country_id in stays else ():
            value, said = getattr(stays[row.country_id], name), getattr(row, name)
            if value != said:
                new = Drift(row.country_id, name, row.since, value, said)
                found.setdefault((row.country_id, name, said), new)
    return sorted(found.values(), key=lambda each: each[:3])


def load(spark: SparkSession, countries: Iterable[Country]) -> int:
    """Replace the table when anything differs. Returns the number of rows that differ."""
    new = {tuple(row) for row in countries}
    held = {tuple(row) for row in spark.table(COUNTRIES.full_name).collect()}
    if new != held:
        rows = frame_of(spark, sorted(new), COUNTRIES.schema)
        with effect("the countries"):
            rows.coalesce(1).writeTo(COUNTRIES.full_name).overwrite(F.lit(True))
    return len(new ^ held)


def report_drift(run: Run, found: list[Drift]) -> None:
    """Say which attributes later files state otherwise; the standing value stays."""
    run.counts["drift"] = len(found)
    for each in found[:DRIFT_SHOWN]:
        run.warn(
            f"drift: country {each.country_id} {each.attribute} stays {each.standing!r};"
            f" since {each.since} the master says {each.said!r}"
        )


def update_countries(spark: SparkSession, run: Run, held: Held) -> int:
    """Bring `countries` up to `countries_snapshots`. Returns the number of rows that changed."""
    target = snapshot_id(spark, COUNTRIES_SNAPSHOTS)
    built = read_built_from(spark, COUNTRIES)
    if target is None or (built and built.snapshot == target):
        return 0
    told, dates = extract(spark)
    standing = transform(told)
    changed = load(spark, standing)
    report_drift(run, drift(told, standing))
    note = note_built_from(spark, COUNTRIES_SNAPSHOTS, COUNTRIES, MODE, max(dates), held)
    with effect("the mark of the countries"):
        set_property(spark, COUNTRIES, BUILT_FROM, note)
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
        intake, held = sort_out(
            spark, landing, master(context.settings), context.dates, replace=replace
        )
        intake = take_files(spark, landing, master(context.settings), record, intake, held)
        record.counts["countries_changed"] = update_countries(spark, record, held)
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
