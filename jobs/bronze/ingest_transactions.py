"""Transaction logs → `ecommerce_db.transactions_raw`.

Grain: one row a record of a file, bad records included with their exact text. A file is
known by its content: bronze itself is the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from psycopg2.extras import execute_values
from pyspark.sql import functions as F

from jobs.bronze import guests
from jobs.bronze.changes import take_whole
from jobs.bronze.intake import Intake, complain, refuse_bad_headers, settle
from jobs.bronze.layouts import TRANSACTIONS
from jobs.bronze.reading import Reading, as_they_are
from jobs.bronze.redaction import Ids
from jobs.bronze.transaction_rows import COLUMNS
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.dates import EVERY_DAY, Dates, From, To
from jobs.common.db import transaction
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables, is_ancestor, read_since, snapshot_id, summary
from jobs.common.landing import Landing
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = "ingest_transactions"
LOCKS = ("bronze.transactions",)
SHORTEST_RECORD = 32  # in bytes; what is shorter is asked for, not taken for empty


def extract(
    spark: SparkSession, landing: Landing, within: Dates = EVERY_DAY, run: Run | None = None
) -> Intake:
    """The waiting files: new ones, repeats of what bronze has, and refused ones."""
    files, left = landing.waiting(within)
    intake = Intake(accepted=files, left=left)
    refuse_bad_headers(intake, COLUMNS)
    usable, intake.accepted = intake.accepted, []
    kin = guests.kin(run, usable) if run and usable else {f.sha256: {f.sha256} for f in usable}
    known = known_hashes(spark, sorted(set().union(*kin.values())), run)
    new = set[str]()
    for file in usable:
        if kin[file.sha256] & known:
            intake.known.append(file)
        else:
            (intake.twins if kin[file.sha256] & new else intake.accepted).append(file)
            new.add(file.sha256)
    return intake


def known_hashes(spark: SparkSession, hashes: list[str], run: Run | None) -> set[str]:
    """Which of these files bronze already holds.

    Of what gold has taken, gold's list of files tells: in bronze there is then only to look
    for what came since. Without a run, or where gold follows another bronze, bronze tells all.
    """
    now = snapshot_id(spark, TRANSACTIONS_RAW) if hashes else None
    if now is None:
        return set()
    since, taken = taken_by_gold(run, hashes) if run else (None, set())
    if since == now:
        return taken
    rows = spark.table(TRANSACTIONS_RAW.full_name)
    if since is not None and is_ancestor(spark, TRANSACTIONS_RAW, since):
        rows = read_since(spark, TRANSACTIONS_RAW, since, now)
    else:
        taken = set()
    known = rows.where(F.col("file_sha256").isin(hashes)).select("file_sha256").distinct()
    return taken | {row[0] for row in known.collect()}


def taken_by_gold(run: Run, hashes: list[str]) -> tuple[int | None, set[str]]:
    """Up to which snapshot of bronze gold has taken files, and which of these are among them."""
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT (SELECT snapshot_id FROM ops.watermarks WHERE table_name = %s),"
            " ARRAY(SELECT file_sha256 FROM ops.loaded_files WHERE file_sha256 = ANY(%s))",
            (TRANSACTIONS_RAW.full_name, hashes),
        )
        since, taken = cur.fetchone() or (None, [])
    return since, set(taken)


def load(spark: SparkSession, intake: Intake, batch_id: int, erased: Ids = frozenset()) -> None:
    """One commit for all new files, their rows typed; see `transaction_rows.parse`.

    Erased customers are guests.
    """
    reading = Reading(spark, intake.accepted, TRANSACTIONS, batch_id)
    with effect("the append of lines"):
        reading.append(guests.as_guests(erased) if erased else as_they_are, TRANSACTIONS_RAW)


def note_empty(spark: SparkSession, intake: Intake, run: Run) -> None:
    """Keep which files had no record: bronze, the ledger, has no row of theirs."""
    short = [f for f in intake.accepted + intake.repeats if f.size < len(f.head) + SHORTEST_RECORD]
    known = known_hashes(spark, [file.sha256 for file in short], run)
    empty = [(f.stamp, f.name, run.run_id) for f in short if f.sha256 not in known]
    with transaction(run.conn, "the note of empty files") as cur:
        execute_values(
            cur,
            "INSERT INTO ops.empty_files (window_start, source_file, batch_id) VALUES %s"
            " ON CONFLICT DO NOTHING",
            empty,
        )


def run(context: JobContext) -> Run:
    """Take in every waiting file.

    Raises:
        BadInput: files were refused (the good ones are in).
    """
    spark = context.session
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=context.parameters
    ) as record:
        ensure_tables(spark, context.settings)
        landing = Landing(spark, context.settings.landing, "transactions")
        intake = extract(spark, landing, context.dates, record)
        if context.dry_run:
            record.counts["dry_run"] = True
            say(f"would take {len(intake.accepted)} files, refuse {len(intake.refused)}")
            return record
        erased = guests.Erased()

        def take(files: Intake) -> None:
            nonlocal erased
            erased = guests.sought(spark, files.accepted, record)
            load(spark, files, record.run_id, erased.ids)

        intake = take_whole(landing, intake, take)
        if intake.accepted:
            record.counts["rows"] = int(summary(spark, TRANSACTIONS_RAW).get("added-records", 0))
        note_empty(spark, intake, record)
        guests.take_out(landing, intake, erased, record)
        settle(landing, intake, record)
    say(f"transactions: {thousands(len(intake.accepted))} new files, {len(intake.repeats)} repeats")
    complain(intake, "transactions")
    return record


def main(
    start: From = None,
    end: To = None,
    force: Annotated[
        bool, typer.Option(help="Taken for the sake of one set of options: a known file is known.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be taken; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Take waiting transaction logs into bronze."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run, dates=(start, end), force=force)


if __name__ == "__main__":
    typer.run(main)
