"""Compute baselines ahead for a month, or score everything anew after a rule's setting changed.

Grain of `anomaly_baselines`: one row a product and month. Jobs compute what they lack, so
this only moves the work to where nobody waits.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from jobs.analytics.scoring import Scope, score
from jobs.common.dates import month_of
from jobs.common.db import transaction
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.runlog import Run, run_context

JOB = "refresh_baselines"
LOCKS = ("anomalies",)


def run(context: JobContext, *, month: date, rescore_all: bool = False) -> Run:
    """Compute the month's baselines; with `rescore_all`, all baselines and all flags."""
    monthly = context.settings.anomaly_baseline == "monthly"
    scope = Scope(rescore_all, month.replace(day=1) if monthly else None)
    parameters = {"month": month.isoformat(), "rescore_all": rescore_all}
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        with transaction(this.conn, "the baselines") as cur:
            this.counts |= score(cur, this, scope)
            if context.dry_run:
                this.conn.rollback()
                this.counts["dry_run"] = True
            this.finish(cur)
    verb = "would be " if context.dry_run else ""
    say(
        f"baselines: {thousands(this.counts['baselines'])} {verb}computed,"
        f" {thousands(this.counts['newly_flagged'])} lines newly flagged,"
        f" {thousands(this.counts['no_longer_flagged'])} taken back"
    )
    return this


def parse_month(text: str | None, now: datetime) -> date:
    """`YYYY-MM`, or the month of `now`.

    Raises:
        UsageError: the text is of another form.
    """
    return now.date() if text is None else month_of(text, "--month")


def main(
    month: Annotated[str | None, typer.Option(help="YYYY-MM; this month when left out.")] = None,
    rescore_all: Annotated[bool, typer.Option(help="All baselines and all lines anew.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would change; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Compute the baselines of a month ahead."""

    def body(context: JobContext) -> None:
        run(context, month=parse_month(month, datetime.now(UTC)), rescore_all=rescore_all)

    run_main(JOB, body, scheduled=scheduled, dry_run=dry_run, needs_spark=False)


if __name__ == "__main__":
    typer.run(main)
