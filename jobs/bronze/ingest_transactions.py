"""Transaction logs → `ecommerce_db.transactions_raw`.

Grain: one row a record of a file, bad records included with their exact text. A file is
known by its content: bronze itself is the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import typer
from psycopg2.extras import execute_values
from pyspark.sql import functions as F

from jobs.bronze.intake import Intake, complain, parsed, refuse_bad_headers, settle
from jobs.bronze.transaction_rows import COLUMNS, parse
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.dates import EVERY_DAY, Dates, From, To
from jobs.common.db import transaction
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables, summary
from jobs.common.landing import Landing, LandingFile
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

JOB = "ingest_transactions"
LOCKS = ("bronze.transactions",)
SHORTEST_RECORD = 32  # in bytes; what is shorter is asked for, not taken for empty

SCHEMA = pa.schema(
    [
        ("invoice_no", pa.string()),
        ("line_no", pa.int32()),
        ("stock_code", pa.string()),
        ("quantity", pa.int32()),
        ("invoice_date", pa.timestamp("us", tz="UTC")),
        ("customer_id", pa.string()),
        ("country", pa.string()),
        ("problem", pa.string()),
        ("raw_fields", pa.string()),
        ("raw_bytes", pa.binary()),
        ("window_start", pa.timestamp("us", tz="UTC")),
        ("source_file", pa.string()),
        ("source_line", pa.int32()),
        ("file_sha256", pa.string()),
        ("batch_id", pa.int64()),
    ]
)


def extract(spark: SparkSession, landing: Landing, within: Dates = EVERY_DAY) -> Intake:
    """The waiting files: new ones, repeats of what bronze has, and refused ones."""
    files, strangers = landing.waiting(within)
    intake = Intake(accepted=files, strangers=strangers)
    refuse_bad_headers(intake, COLUMNS)
    usable, intake.accepted = intake.accepted, []
    seen = known_hashes(spark, usable)
    for file in usable:
        (intake.repeats if file.sha256 in seen else intake.accepted).append(file)
        seen.add(file.sha256)
    return intake


def known_hashes(spark: SparkSession, files: list[LandingFile]) -> set[str]:
    """Which of the files' hashes bronze already holds."""
    if not files:
        return set()
    rows = (
        spark.table(TRANSACTIONS_RAW.full_name)
        .where(F.col("file_sha256").isin([f.sha256 for f in files]))
        .select("file_sha256")
        .distinct()
        .collect()
    )
    return {row[0] for row in rows}


def transform(spark: SparkSession, intake: Intake, batch_id: int) -> DataFrame:
    """Rows of the new files, typed; see `transaction_rows.parse`."""
    return parsed(spark, intake.accepted, parse, SCHEMA, TRANSACTIONS_RAW.schema, batch_id)


def load(rows: DataFrame) -> None:
    """One commit for all new files."""
    rows.writeTo(TRANSACTIONS_RAW.full_name).append()


def note_empty(spark: SparkSession, intake: Intake, run: Run) -> None:
    """Keep which files had no record: bronze, the ledger, has no row of theirs."""
    short = [f for f in intake.accepted + intake.repeats if f.size < len(f.head) + SHORTEST_RECORD]
    known = known_hashes(spark, short)
    empty = [(f.stamp, f.name, run.run_id) for f in short if f.sha256 not in known]
    with transaction(run.conn) as cur:
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
        intake = extract(spark, landing, context.dates)
        if context.dry_run:
            record.counts["dry_run"] = True
            say(f"would take {len(intake.accepted)} files, refuse {len(intake.refused)}")
            return record
        if intake.accepted:
            load(transform(spark, intake, record.run_id))
            record.counts["rows"] = int(summary(spark, TRANSACTIONS_RAW).get("added-records", 0))
        note_empty(spark, intake, record)
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
