"""Dated master snapshots (products, countries): identity, gate, and append.

A file is known by the date in its name and its content. The same date with other content
is refused unless it is to replace; a revision number keeps both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extras import execute_values

from jobs.bronze.changes import take_whole
from jobs.bronze.data_files import discard, whole_or_none
from jobs.bronze.intake import Intake, refuse_bad_headers
from jobs.bronze.ledger import Held, read_held
from jobs.bronze.master_rows import BAD, DOUBLE, GOOD
from jobs.bronze.parsing import Layout
from jobs.bronze.reading import Reading
from jobs.common.contracts import Table
from jobs.common.dates import Dates
from jobs.common.db import transaction
from jobs.common.landing import Dataset, Landing, LandingFile
from jobs.common.points import effect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.bronze.reading import Shape
    from jobs.common.runlog import Run

# A survey's rows: how many rows of a verdict a file has; bad ones each with its own.
REJECTED = ("source_file", "source_line", "file_sha256", "problem", "raw_fields")
SURVEY = (
    "source_file string, source_line int, file_sha256 string, problem string, raw_fields string,"
    " verdict string, listed bigint"
)


@dataclass(frozen=True)
class Master:
    """What tells one master from the other: its lists, and the history that is told of them."""

    dataset: Dataset
    lists: Table
    history: Table
    required: tuple[str, ...]
    layout: Layout
    max_shrink: float


def sort_out(
    spark: SparkSession, landing: Landing, master: Master, within: Dates, *, replace: bool
) -> tuple[Intake, Held]:
    """The waiting files: new ones, repeats, and those to be refused; and what bronze holds."""
    files, left = landing.waiting(within)
    intake = Intake(left=left)
    held = read_held(spark, master.lists, master.history, files) if files else Held()
    for file in files:
        known = held.ledger.get(file.day)
        if known is not None and known.sha256 == file.sha256:
            intake.known.append(file)
        elif known is not None and not replace:
            intake.refuse(
                file,
                f"bronze already holds other content for {file.day};"
                " start the job with --replace if this file is the right one",
            )
        else:
            intake.accepted.append(file)
    refuse_bad_headers(intake, master.required)
    return intake, held


def survey(rows: pa.Table) -> pa.Table:
    """How many rows a file has of each verdict; bad rows singly."""
    is_bad = pc.equal(rows["verdict"], BAD)
    bad = rows.filter(is_bad).select([*REJECTED, "verdict"])
    others = rows.filter(pc.invert(is_bad)).group_by(["source_file", "verdict"])
    counted = others.aggregate([([], "count_all")]).rename_columns(
        ["source_file", "verdict", "listed"]
    )
    ones = pa.repeat(pa.scalar(1, pa.int64()), len(bad))
    both = pa.concat_tables([bad.append_column("listed", ones), counted], promote_options="default")
    return both.select([*REJECTED, "verdict", "listed"])


def gate(intake: Intake, surveyed: pa.Table, held: Held, master: Master, run: Run) -> None:
    """Refuse empty snapshots and those that shrank too much; warn of codes listed twice."""
    counts = _counts(surveyed)
    sizes = {day: known.rows for day, known in held.ledger.items()}
    for file in sorted(intake.accepted, key=lambda f: f.stamp):
        good = counts[file.name, GOOD]
        reason = _shrunk(file, good, sizes, master)
        if reason:
            intake.refuse(file, reason)
            continue
        sizes[file.day] = good
        for verdict, words in (
            (BAD, "bad (see ops.rejected_rows)"),
            (DOUBLE, "listed twice (the last line wins)"),
        ):
            if counts[file.name, verdict]:
                run.warn(f"{file.name}: {counts[file.name, verdict]} {words}")
    run.counts["rows"] = sum(counts[file.name, GOOD] for file in intake.accepted)
    run.counts["rejected_rows"] = sum(counts[file.name, BAD] for file in intake.accepted)


def _counts(surveyed: pa.Table) -> Counter[tuple[str, str]]:
    totals = surveyed.group_by(["source_file", "verdict"]).aggregate([("listed", "sum")])
    return Counter({(r["source_file"], r["verdict"]): r["listed_sum"] for r in totals.to_pylist()})


def _shrunk(file: LandingFile, good: int, sizes: dict[date, int], master: Master) -> str | None:
    if good == 0:
        return "the snapshot has no usable row"
    earlier = [day for day in sizes if day < file.day]
    if not earlier:
        return None
    before = sizes[max(earlier)]
    if good >= before * (1 - master.max_shrink):
        return None
    return (
        f"the snapshot has {good} rows where that of {max(earlier)} has {before}: it shrank by"
        f" more than {master.max_shrink:.0%}; if that is right, raise"
        f" {master.dataset.upper()}_MAX_SHRINK for this run"
    )


def keep_rejected(run: Run, master: Master, surveyed: pa.Table, intake: Intake) -> None:
    """Write bad rows to `ops.rejected_rows`, before the commit, so that a crash loses none."""
    taken = pa.array([file.name for file in intake.accepted], pa.string())
    bad = surveyed.filter(
        pc.and_(pc.equal(surveyed["verdict"], BAD), pc.is_in(surveyed["source_file"], taken))
    )
    if not len(bad):
        return
    with transaction(run.conn, "the keeping of rejected rows") as cur:
        execute_values(
            cur,
            "INSERT INTO ops.rejected_rows"
            " (dataset, source_file, source_line, file_sha256, reason, raw, batch_id) VALUES %s"
            " ON CONFLICT DO NOTHING",
            [
                (master.dataset, *row.values(), run.run_id)
                for row in bad.select(REJECTED).to_pylist()
            ],
            page_size=1000,
        )


def as_lists(lists: Table, revisions: dict[str, int]) -> Callable[[pa.Table], pa.Table]:
    """Parsed rows to rows of the lists' table: the good ones of these files.

    Args:
        revisions: of each file, by its name.
    """
    names = lists.column_names
    taken = pa.array(revisions, pa.string())

    def shape(rows: pa.Table) -> pa.Table:
        is_good = pc.equal(rows["verdict"], GOOD)
        good = rows.filter(pc.and_(is_good, pc.is_in(rows["source_file"], taken)))
        files = good["source_file"].combine_chunks().dictionary_encode()
        found = [revisions[name] for name in files.dictionary.to_pylist()]
        revision = pa.array(found, pa.int32()).take(files.indices)
        day = good["stamp"].cast(pa.date32())
        dated = good.append_column("snapshot_date", day).append_column("revision", revision)
        return dated.select(names)

    return shape


def take_files(
    spark: SparkSession, landing: Landing, master: Master, run: Run, intake: Intake, held: Held
) -> Intake:
    """Take the accepted snapshots into the lists' table, in one commit, but for refused ones.

    Returns:
        The intake as it was taken.
    """
    said = len(run.warnings)

    def take(trial: Intake) -> None:
        del run.warnings[said:]
        _take(spark, master, run, trial, held)

    return take_whole(landing, intake, take)


def _take(spark: SparkSession, master: Master, run: Run, intake: Intake, held: Held) -> None:
    reading, offered = Reading(spark, intake.accepted, master.layout, run.run_id), intake.accepted

    def shape() -> Shape:
        revisions = {file.name: held.next_revision(file.day) for file in intake.accepted}
        return as_lists(master.lists, revisions)

    surveyed, written = reading.survey(survey, SURVEY, shape(), master.lists)
    with whole_or_none(written.target if written else None):
        gate(intake, surveyed, held, master, run)
        keep_rejected(run, master, surveyed, intake)
    if written and intake.accepted != offered:
        discard(written.target)
        written = None
    if not intake.accepted:
        return
    with effect("the append of lists"):
        reading.append(shape(), master.lists, written)
    counts = _counts(surveyed)
    for file in intake.accepted:
        held.take(file.day, file.sha256, counts[file.name, GOOD])


def preview(
    spark: SparkSession, landing: Landing, master: Master, within: Dates, *, replace: bool
) -> str:
    """What a run would take, in words."""
    intake, _ = sort_out(spark, landing, master, within, replace=replace)
    return (
        f"would take {len(intake.accepted)} {master.dataset} files, refuse {len(intake.refused)},"
        f" pass over {len(intake.repeats)} repeats"
    )
