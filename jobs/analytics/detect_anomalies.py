"""Flag odd order lines: `anomalies`, one row a sales line above its product's threshold.

Looks at what changed since the last run (`ops.sales_changes`), and at no more.
"""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.analytics.scoring import pending, refuse_another_baseline, score
from jobs.common.db import transaction
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.runlog import Run, run_context

JOB = "detect_anomalies"
LOCKS = ("anomalies",)


def run(context: JobContext) -> Run:
    """Score what changed, and put what is new into the outbox, in one transaction."""
    with run_context(context.settings, JOB, LOCKS, trigger=context.trigger) as this:
        with transaction(this.conn, "the flags") as cur:
            refuse_another_baseline(cur, context.settings)
            waiting = pending(cur)
            if context.dry_run:
                say(f"would look at {thousands(waiting)} changes of products and months")
                return this
            if waiting:
                this.counts |= score(cur, this)
            this.finish(cur)
    say(
        f"anomalies: {thousands(this.counts.get('newly_flagged', 0))} new,"
        f" {thousands(this.counts.get('no_longer_flagged', 0))} taken back"
    )
    return this


def main(
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be looked at; write nothing.")
    ] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Flag odd order lines among what changed."""
    run_main(JOB, run, scheduled=scheduled, dry_run=dry_run, needs_spark=False)


if __name__ == "__main__":
    typer.run(main)
