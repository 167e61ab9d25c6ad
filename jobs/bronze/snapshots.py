"""Dated master snapshots (products, countries): identity, gate, and append.

A file is known by the date in its name and its content. The same date with other content
is refused unless it is to replace; a revision number keeps both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2.extras import execute_values
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.bronze.intake import Intake, parsed, refuse_bad_headers
from jobs.bronze.master_rows import BAD, DOUBLE, GOOD
from jobs.common.contracts import Table
from jobs.common.dates import Dates
from jobs.common.db import transaction
from jobs.common.landing import Dataset, Landing, LandingFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.runlog import Run


@dataclass(frozen=True)
class Master:
    """What tells one master from the other."""

    dataset: Dataset
    table: Table
    required: tuple[str, ...]
    parse: Callable[[bytes, Any], list[tuple[Any, ...]]]
    values: tuple[tuple[str, pa.DataType], ...]
    max_shrink: float

    @property
    def schema(self) -> pa.Schema:
        """What parsing gives."""
        return pa.schema(
            [
                *self.values,
                ("verdict", pa.string()),
                ("problem", pa.string()),
                ("raw_fields", pa.string()),
                ("stamp", pa.timestamp("us", tz="UTC")),
                ("source_file", pa.string()),
                ("source_line", pa.int32()),
                ("file_sha256", pa.string()),
                ("batch_id", pa.int64()),
            ]
        )

    @property
    def ddl(self) -> str:
        """The same as a Spark DDL string."""
        types = {c.name: c.type for c in self.table.columns}
        values = ", ".join(f"{name} {types[name]}" for name, _ in self.values)
        return (
            f"{values}, verdict string, problem string, raw_fields string, stamp timestamp,"
            " source_file string, source_line int, file_sha256 string, batch_id bigint"
        )


@dataclass(frozen=True)
class Accepted:
    """The snapshot of a date that counts: its revision, hash and rows."""

    revision: int
    sha256: str
    rows: int


Ledger = dict[date, Accepted]


def revisions(snapshots: DataFrame) -> dict[date, int]:
    """The highest revision of each date."""
    rows = snapshots.groupBy("snapshot_date").agg(F.max("revision")).collect()
    return {row[0]: row[1] for row in rows}


def effective(snapshots: DataFrame, dates: dict[date, int]) -> DataFrame:
    """The rows that count: of each date, the highest revision.

    Args:
        dates: what `revisions` gives of the same rows.
    """
    if not any(dates.values()):
        return snapshots
    newest = F.max("revision").over(Window.partitionBy("snapshot_date"))
    return snapshots.withColumn("newest", newest).where("revision = newest").drop("newest")


def read_ledger(spark: SparkSession, table: Table) -> Ledger:
    """The snapshots that bronze holds, by date."""
    rows = (
        spark.table(table.full_name)
        .groupBy("snapshot_date", "revision", "file_sha256")
        .count()
        .orderBy("snapshot_date", "revision")
        .collect()
    )
    return {row[0]: Accepted(row[1], row[2], row[3]) for row in rows}


def sort_out(
    spark: SparkSession, landing: Landing, master: Master, within: Dates, *, replace: bool
) -> tuple[Intake, Ledger]:
    """The waiting files: new ones, repeats, and those to be refused; and what bronze holds."""
    files, strangers = landing.waiting(within)
    intake = Intake(strangers=strangers)
    ledger = read_ledger(spark, master.table) if files else {}
    for file in files:
        held = ledger.get(file.day)
        if held is not None and held.sha256 == file.sha256:
            intake.repeats.append(file)
        elif held is not None and not replace:
            intake.refuse(
                file,
                f"bronze already holds other content for {file.day};"
                " start the job with --replace if this file is the right one",
            )
        else:
            intake.accepted.append(file)
    refuse_bad_headers(intake, master.required)
    return intake, ledger


def parse_files(spark: SparkSession, master: Master, intake: Intake, batch_id: int) -> DataFrame:
    """Rows of the files that may be accepted, with verdicts; kept for the passes to come."""
    rows = parsed(spark, intake.accepted, master.parse, master.schema, master.ddl, batch_id)
    return rows.persist()


def gate(intake: Intake, rows: DataFrame, ledger: Ledger, master: Master, run: Run) -> None:
    """Refuse empty snapshots and those that shrank too much; warn of codes listed twice."""
    counts: dict[tuple[str, str], int] = {
        (r[0], r[1]): r[2] for r in rows.groupBy("source_file", "verdict").count().collect()
    }
    sizes = {day: held.rows for day, held in ledger.items()}
    for file in sorted(intake.accepted, key=lambda f: f.stamp):
        good = counts.get((file.name, GOOD), 0)
        reason = _shrunk(file, good, sizes, master)
        if reason:
            intake.refuse(file, reason)
            continue
        sizes[file.day] = good
        for verdict, words in (
            (BAD, "bad (see ops.rejected_rows)"),
            (DOUBLE, "listed twice (the last line wins)"),
        ):
            if counts.get((file.name, verdict)):
                run.warn(f"{file.name}: {counts[file.name, verdict]} {words}")
    taken = {f.name for f in intake.accepted}
    run.counts["rows"] = sum(n for (name, v), n in counts.items() if name in taken and v == GOOD)
    run.counts["rejected_rows"] = sum(
        n for (name, v), n in counts.items() if name in taken and v == BAD
    )


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


def keep_rejected(run: Run, master: Master, rows: DataFrame, intake: Intake) -> None:
    """Write bad rows to `ops.rejected_rows`, before the commit, so that a crash loses none."""
    taken = [f.name for f in intake.accepted]
    bad = rows.where((F.col("verdict") == BAD) & F.col("source_file").isin(taken))
    values = [
        (
            master.dataset,
            r.source_file,
            r.source_line,
            r.file_sha256,
            r.problem,
            r.raw_fields,
            run.run_id,
        )
        for r in bad.toLocalIterator()
    ]
    if not values:
        return
    with transaction(run.conn) as cur:
        execute_values(
            cur,
            "INSERT INTO ops.rejected_rows"
            " (dataset, source_file, source_line, file_sha256, reason, raw, batch_id) VALUES %s"
            " ON CONFLICT DO NOTHING",
            values,
            page_size=1000,
        )


def append(rows: DataFrame, master: Master, intake: Intake, ledger: Ledger) -> None:
    """One commit for all accepted snapshots."""
    revisions = {f.name: ledger[f.day].revision + 1 for f in intake.accepted if f.day in ledger}
    by_name = F.from_json(F.lit(json.dumps(revisions)), "map<string,int>")
    revision = F.coalesce(by_name[F.col("source_file")], F.lit(0))
    taken = [f.name for f in intake.accepted]
    good = rows.where((F.col("verdict") == GOOD) & F.col("source_file").isin(taken))
    good.withColumns({"snapshot_date": F.to_date("stamp"), "revision": revision}).select(
        *master.table.column_names
    ).writeTo(master.table.full_name).append()


def take_files(
    spark: SparkSession, master: Master, run: Run, intake: Intake, ledger: Ledger
) -> None:
    """Take the accepted snapshots into the master's snapshot table, but for those to be refused."""
    if not intake.accepted:
        return
    rows = parse_files(spark, master, intake, run.run_id)
    try:
        gate(intake, rows, ledger, master, run)
        if intake.accepted:
            keep_rejected(run, master, rows, intake)
            append(rows, master, intake, ledger)
    finally:
        rows.unpersist()


def preview(
    spark: SparkSession, landing: Landing, master: Master, within: Dates, *, replace: bool
) -> str:
    """What a run would take, in words."""
    intake, _ = sort_out(spark, landing, master, within, replace=replace)
    return (
        f"would take {len(intake.accepted)} {master.dataset} files, refuse {len(intake.refused)},"
        f" pass over {len(intake.repeats)} repeats"
    )
