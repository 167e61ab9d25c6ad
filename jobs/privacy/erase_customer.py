"""Erases a customer from every store: their lines stay, as a guest's.

    scripts/run_erase_customer.sh CUSTOMER_ID --why "…" [--who NAME] [--dry-run]

The keyed hash is written first, so that from then on nobody takes the customer in again; each
step after it leaves alone what is done already, so a run that died is made whole by the next.
Last, every store is searched again. docs/personal-data.md says what is where.
"""

from __future__ import annotations

import getpass
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.common.archived import archive
from jobs.common.checks import Check, record
from jobs.common.contracts import DW_FACT, TRANSACTIONS_RAW
from jobs.common.db import connect, transaction
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables, snapshot_id
from jobs.common.landing import Landing
from jobs.common.runlog import RESOURCES, Run, run_context
from jobs.gold import load_dw
from jobs.privacy import in_gold, in_lake, in_landing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.settings import Settings

JOB = "erase_customer"
LOCKS = RESOURCES
Found = dict[str, int]
WORDS = {
    "gold_lines": "lines in gold",
    "gold_customers": "customers in gold",
    "gold_sums": "sums by buyer",
    "gold_errors": "lines in error",
    "gold_remarks": "remarks on runs and checks",
    "bronze_rows": "rows of bronze",
    "dw_customers": "customers in the lake's star",
    "dw_lines": "lines in the lake's star",
    "landing_files": "files in landing",
}


@dataclass(frozen=True)
class Request:
    """Whom to erase, who has it done, and why."""

    customer: str
    who: str
    why: str

    def refuse(self) -> None:
        """Raise when it cannot be done as it is asked.

        Raises:
            UsageError: no customer is named, or the reason names them and would outlive them.
        """
        if not self.customer or not self.customer.isprintable():
            raise UsageError("no customer is named", do="scripts/run_erase_customer.sh --help")
        if not self.why.strip():
            raise UsageError("--why is empty", do="say for what reason, such as a ticket's number")
        if self.customer in self.why or self.customer in self.who:
            raise UsageError(
                "--why or --who holds the customer's number, and is kept",
                do="name the request otherwise, such as by a ticket's number",
            )


def hash_of(settings: Settings, customer: str) -> str:
    """The keyed hash under which gold remembers that the customer was erased."""
    with closing(connect(settings)) as conn, transaction(conn) as cur:
        cur.execute("SELECT customer_hash FROM ops.hash_customers(%s::text[])", ([customer],))
        row = cur.fetchone()
    assert row is not None  # noqa: S101 - one in, one out
    return str(row[0])


def find(spark: SparkSession, run: Run, landing: Landing, customer: str) -> Found:
    """What holds the customer, in every store, as it is now."""
    return {
        **in_gold.find(run.conn, customer),
        **in_lake.find(spark, customer),
        **in_landing.find(landing, customer),
    }


def is_listed(run: Run, customer_hash: str) -> bool:
    """Whether the customer was erased before, or an erasure began."""
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT EXISTS (SELECT FROM ops.erased_customers WHERE customer_hash = %s)",
            (customer_hash,),
        )
        return cur.fetchone() == (True,)


def note(run: Run, customer_hash: str, request: Request) -> None:
    """Keep that the customer is erased: who says so, and why, the first time."""
    with transaction(run.conn, "the note of an erasure") as cur:
        cur.execute(
            "INSERT INTO ops.erased_customers (customer_hash, who, why, run_id)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (customer_hash) DO NOTHING",
            (customer_hash, request.who, request.why, run.run_id),
        )


def erase(context: JobContext, run: Run, landing: Landing, customer: str) -> None:
    """Take the customer out of every store: bronze, gold, the lake's star, landing."""
    spark = context.session
    hashes = in_lake.files(spark)
    in_lake.erase_from_bronze(spark, customer)
    with transaction(run.conn) as cur:
        kept = archive(cur)
    in_star = in_lake.erase_from_archive(spark, kept, customer)
    with transaction(run.conn, "the erasure from gold") as cur:
        now = snapshot_id(spark, TRANSACTIONS_RAW) if in_gold.has_taken(cur, hashes) else None
        in_gold_too = in_gold.erase(cur, run, customer)
        in_gold.follow(cur, run, now, is_changed=in_gold_too or in_star)
    if snapshot_id(spark, DW_FACT) is not None:
        todo = load_dw.pending(spark, run)
        if todo:
            load_dw.bring_up_to_date(spark, run, todo)
        in_lake.forget_star(spark)
    in_landing.erase(landing, run, customer)
    in_gold.sweep(context.settings)


def verify(spark: SparkSession, run: Run, landing: Landing, customer: str) -> Found:
    """Search every store again, every file of the lake, and keep what was found.

    Raises:
        WarehouseError: something still holds the customer.
    """
    found = find(spark, run, landing, customer)
    found |= in_lake.find_in_files(spark, customer) | in_lake.find_history(spark)
    checks = [
        Check(f"no_{name}", "fail", count == 0, f"{count:,}", "0") for name, count in found.items()
    ]
    with transaction(run.conn, "the proof of an erasure") as cur:
        record(cur, run, checks)
    held = [f"{check.observed} {check.name[3:]}" for check in checks if not check.passed]
    if held:
        raise WarehouseError(
            f"something still holds the customer: {', '.join(held)}",
            where=f"ops.checks, run {run.run_id}",
            do="start it again; when it says so again, report it",
        )
    return found


def run(context: JobContext, request: Request) -> Run:
    """Erase the customer, and prove it.

    Raises:
        UsageError: no store holds the customer, and none was erased.
        WarehouseError: a store holds the customer still.
    """
    request.refuse()
    spark, settings = context.session, context.settings
    customer_hash = hash_of(settings, request.customer)
    parameters = {"customer_hash": customer_hash, "who": request.who, "why": request.why}
    with run_context(settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters) as this:
        ensure_tables(spark, settings)
        landing = Landing(spark, settings.landing, "transactions")
        this.counts["found"] = found = find(spark, this, landing, request.customer)
        if not any(found.values()) and not is_listed(this, customer_hash):
            raise UsageError(
                "no store holds such a customer, and none like it was erased",
                do="give the number as the shop writes it: dim_customers.customer_id",
            )
        tell("would change" if context.dry_run else "found", found)
        if context.dry_run:
            this.counts["dry_run"] = True
            return this
        note(this, customer_hash, request)
        erase(context, this, landing, request.customer)
        this.counts["left"] = left = verify(spark, this, landing, request.customer)
        leave_to_people(this, landing, request.customer)
    say(f"searched again, {len(left)} places: nothing found")
    for text in this.warnings:
        say(f"  warning: {text}")
    return this


def tell(verb: str, found: Found) -> None:
    """Say what holds the customer."""
    words = [f"{thousands(found[name])} {text}" for name, text in WORDS.items() if found[name]]
    say(f"{verb}: {', '.join(words) or 'nothing: it is done already'}")


def leave_to_people(run: Run, landing: Landing, customer: str) -> None:
    """Warn of what a program should not alter."""
    lines = in_gold.notes(run.conn, customer)
    if lines:
        run.warn(f"notes on these anomalies may name the customer: {', '.join(lines)}")
    files = in_landing.arriving(landing)
    if files:
        run.warn(
            f"{len(files)} files in landing are still being written and were not looked at;"
            " what they bring of the customer is taken in as a guest's"
        )


def main(
    customer: Annotated[str, typer.Argument(envvar="ERASED_CUSTOMER", help="The customer_id.")],
    why: Annotated[str, typer.Option(help="For what reason; kept, so without the number.")],
    who: Annotated[
        str | None, typer.Option(help="Who has it done; your log-in if left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what holds them; change nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the locks, as scheduled runs do.")
    ] = False,
) -> None:
    """Erase a customer."""
    request = Request(customer.strip(), who or getpass.getuser(), why)
    run_main(JOB, lambda context: run(context, request), scheduled=scheduled, dry_run=dry_run)


if __name__ == "__main__":
    typer.run(main)
