"""Are the mart views ready by READY_BY? Those that are late, and why, go to the stewards.

Grain: one check a view in `ops.checks`; in `ops.late_views` one row a day and late view, told
once. A view is ready when gold has taken all that it is made from and it can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import psycopg2
import typer
from psycopg2 import sql
from psycopg2.extras import execute_values

from jobs.common import checks
from jobs.common.checks import Check
from jobs.common.dates import moment
from jobs.common.db import transaction
from jobs.common.errors import BadInput, WarehouseError
from jobs.common.job import JobContext, run_main, say, say_error
from jobs.common.runlog import Run, run_context
from jobs.freshness import due, missing_list, missing_windows, unfinished_load, unscored, windows
from jobs.notify import send_mail

JOB = "check_readiness"
LOCKS = ("readiness",)
READ_TIMEOUT = "60s"

# Every line of the fact hangs on its price and its country.
_SALES = ("products", "countries", "transactions", "load")
NEEDS = {
    "v_top_buyers_by_region": _SALES,
    "v_sales_by_category": _SALES,
    "v_revenue_by_month": _SALES,
    "v_price_history": ("products", "load"),
    "v_purchase_history": _SALES,
    "v_transaction_status": _SALES,
    "v_anomaly_coverage": (*_SALES, "anomalies"),
}


@dataclass(frozen=True)
class Verdict:
    """A view, and why it is late; no reasons when it is ready."""

    view: str
    reasons: tuple[str, ...] = ()


def extract(run: Run, deadline: datetime) -> dict[str, str | None]:
    """What is missing of each source, or of each view itself; None where nothing is."""
    with transaction(run.conn) as cur:
        missing = {
            "products": missing_list(cur, "products", deadline.date()),
            "countries": missing_list(cur, "countries", deadline.date()),
            "transactions": missing_windows(cur, windows(deadline)),
            "load": unfinished_load(cur),
            "anomalies": unscored(cur),
        }
    return missing | {view: unreadable(run, view) for view in NEEDS}


def unreadable(run: Run, view: str) -> str | None:
    """Whether the view cannot be read now."""
    try:
        with transaction(run.conn) as cur:
            cur.execute("SELECT set_config('statement_timeout', %s, true)", (READ_TIMEOUT,))
            cur.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(view)))
    except psycopg2.errors.QueryCanceled:
        return f"it did not answer within {READ_TIMEOUT}"
    except psycopg2.OperationalError:
        raise
    except psycopg2.Error as error:
        return f"it cannot be read: {str(error).splitlines()[0]}"
    return None


def transform(missing: dict[str, str | None]) -> list[Verdict]:
    """The verdict on each view."""
    return [
        Verdict(view, tuple(filter(None, (missing[source] for source in (*needs, view)))))
        for view, needs in NEEDS.items()
    ]


def load(run: Run, verdicts: Iterable[Verdict], deadline: datetime) -> int:
    """Keep the checks, and put views not told of yet today into the outbox, in one transaction.

    Returns how many are late.
    """
    late = [verdict for verdict in verdicts if verdict.reasons]
    found = [
        Check(v.view, "fail", not v.reasons, "; ".join(v.reasons) or "ready", "ready")
        for v in verdicts
    ]
    rows = [(deadline.date(), v.view, list(v.reasons), deadline, run.run_id) for v in late]
    with transaction(run.conn, "the verdict on views") as cur:
        checks.record(cur, run, found)
        new = execute_values(
            cur,
            "INSERT INTO ops.late_views (day, view_name, reasons, due, batch_id) VALUES %s"
            " ON CONFLICT (day, view_name) DO NOTHING RETURNING view_name",
            rows,
            fetch=True,
        )
        if new:
            cur.execute("SELECT ops.add_finding('late', %s, %s)", (run.run_id, len(new)))
        run.counts |= {"views": len(found), "late_views": len(late), "told": len(new)}
        run.finish(cur)
    return len(late)


def run(context: JobContext, at: datetime, *, now: datetime) -> list[Verdict]:
    """Judge the views, and mail what is late; `at` says of which day, `now` dates the mail.

    Raises:
        BadInput: some are late.
        TransientError: Postgres does not answer.
    """
    deadline = due(at, context.settings.ready_by)
    with run_context(context.settings, JOB, LOCKS, trigger=context.trigger,
                     parameters={"due": deadline}) as this:  # fmt: skip
        verdicts = transform(extract(this, deadline))
        if context.dry_run:
            this.counts["dry_run"] = True
        else:
            load(this, verdicts, deadline)
    for verdict in verdicts:
        say(f"{verdict.view}: {'; '.join(verdict.reasons) or 'ready'}")
    late = [verdict.view for verdict in verdicts if verdict.reasons]
    if late and not context.dry_run:
        _mail(context, now)
    if late:
        raise BadInput(
            f"{len(late)} of {len(verdicts)} views were not ready, due {deadline:%Y-%m-%d %H:%M}",
            do="deliver what is missing, run scripts/run_pipeline.sh, then this again",
        )
    return verdicts


def _mail(context: JobContext, now: datetime) -> None:
    """Send what is due; where that fails, the outbox keeps it, and late views are still late."""
    try:
        send_mail.run(context, now=now)
    except WarehouseError as error:
        say_error(f"the mail is kept and sent by the next run: {error}")


def main(
    at: Annotated[
        str | None, typer.Option(metavar='"YYYY-MM-DD HH:MM"', help="UTC; now when left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say it; record and mail nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Say which mart views are ready, and mail which are late."""
    now = datetime.now(UTC)
    run_main(
        JOB,
        lambda context: run(context, moment(at) if at else now, now=now),
        scheduled=scheduled,
        dry_run=dry_run,
        needs_spark=False,
    )


if __name__ == "__main__":
    typer.run(main)
