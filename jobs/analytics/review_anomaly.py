"""A person judges an anomaly; what that does to the product's thresholds is computed at once.

RESOLVED (truly odd) takes the line out of later baselines; the largest FALSE_POSITIVE
quantity of a product is a floor for its thresholds over the 12 months after it.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jobs.analytics.scoring import score
from jobs.common.db import run_file, transaction
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say
from jobs.common.runlog import Run, run_context

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

JOB = "review_anomaly"
LOCKS = ("anomalies",)
Status = Literal["NEW", "REVIEWED", "RESOLVED", "FALSE_POSITIVE"]


@dataclass(frozen=True)
class Review:
    """What the person says of which line."""

    transaction_id: str
    status: str
    note: str | None
    who: str


def extract(cur: Cursor, review: Review) -> dict[str, Any]:
    """The anomaly as it stands, locked.

    Raises:
        UsageError: the line was never flagged.
    """
    cur.execute(
        "SELECT stock_code, quantity, threshold, z_score, status, invoice_date FROM anomalies"
        " WHERE transaction_id = %s FOR UPDATE",
        (review.transaction_id,),
    )
    row = cur.fetchone()
    if row is None:
        raise UsageError(
            f"no anomaly has the transaction_id '{review.transaction_id}'",
            do='list them: scripts/gold_sql.sh "SELECT transaction_id, stock_code, z_score'
            ' FROM anomalies ORDER BY z_score DESC LIMIT 20"',
        )
    return dict(zip((c.name for c in cur.description or ()), row, strict=True))


def thresholds(cur: Cursor, run: Run, anomaly: dict[str, Any]) -> dict[str, float]:
    """The product's thresholds from the anomaly's month on, by month as YYYY-MM."""
    params = {
        "code": anomaly["stock_code"],
        "since": anomaly["invoice_date"],
        "k": run.settings.anomaly_k,
    }
    run_file(cur, "anomalies/thresholds.sql", params)
    return dict(cur.fetchall())


def load(cur: Cursor, review: Review) -> None:
    """Set status and note; a trigger keeps the history and queues the product."""
    cur.execute("SELECT set_config('warehouse.reviewer', %s, true)", (review.who,))
    cur.execute(
        "UPDATE anomalies SET status = %s, investigator_notes = coalesce(%s, investigator_notes)"
        " WHERE transaction_id = %s",
        (review.status, review.note, review.transaction_id),
    )


def told(
    anomaly: dict[str, Any], review: Review, before: dict[str, float], after: dict[str, float]
) -> list[str]:
    """What the review did, in lines."""
    moved = [
        month
        for month in sorted({*before, *after})
        if round(before.get(month, 0), 6) != round(after.get(month, 0), 6)
    ]
    line = f"{anomaly['quantity']:,} units against a threshold of {anomaly['threshold']:,.1f}"
    lines = [
        f"{review.transaction_id} ({anomaly['stock_code']}, {line}):",
        f"  {anomaly['status']} -> {review.status}, by {review.who}",
    ]
    if not moved:
        return [*lines, f"the thresholds of {anomaly['stock_code']} stay as they are"]
    lines.append(f"thresholds of {anomaly['stock_code']}, as of the month's last sale:")
    return lines + [
        f"  {month}  {in_words(before.get(month))} -> {in_words(after.get(month))}"
        for month in moved
    ]


def in_words(threshold: float | None) -> str:
    """A threshold as people read it; None where a month can't be scored."""
    return "too few lines" if threshold is None else f"{threshold:,.1f}"


def run(context: JobContext, review: Review) -> Run:
    """Set the status, rescore the product, and say what moved."""
    parameters = {
        "transaction_id": review.transaction_id,
        "status": review.status,
        "who": review.who,
    }
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        with transaction(this.conn, "a review") as cur:
            anomaly = extract(cur, review)
            before = thresholds(cur, this, anomaly)
            load(cur, review)
            this.counts |= score(cur, this)
            lines = told(anomaly, review, before, thresholds(cur, this, anomaly))
            if context.dry_run:
                this.conn.rollback()
                this.counts["dry_run"] = True
            this.finish(cur)
    for line in lines:
        say(line)
    flagged, back = this.counts["newly_flagged"], this.counts["no_longer_flagged"]
    remark = " (dry run: nothing was written)" if context.dry_run else ""
    say(f"{flagged} lines newly flagged, {back} taken back{remark}")
    return this


def main(
    transaction_id: Annotated[str, typer.Argument(help="The invoice line, such as 536365-1.")],
    status: Annotated[Status, typer.Option(help="What it is found to be.")],
    note: Annotated[str | None, typer.Option(help="What was found out.")] = None,
    who: Annotated[str | None, typer.Option(help="Who says so; your log-in when left out.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what it would do; write nothing.")] = False,
) -> None:
    """Judge an anomaly."""
    review = Review(transaction_id, status, note, who or getpass.getuser())
    run_main(JOB, lambda context: run(context, review), dry_run=dry_run, needs_spark=False)


if __name__ == "__main__":
    typer.run(main)
