"""The anomaly rule, set-wise in gold: scope, baselines, scores. One transaction, the caller's.

A sales line is odd when its quantity is above median + k·deviation of the product's sales
lines in the 12 months before its month (z-score; Iglewicz & Hoaglin 1993 for the median as
centre). Only new lines, and lines whose baseline changed, are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.common.dates import spans
from jobs.common.db import run_file
from jobs.common.errors import UsageError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.runlog import Run
    from jobs.common.settings import Settings


@dataclass(frozen=True)
class Scope:
    """What to look at besides what changed: everything, or a month computed ahead."""

    rescore_all: bool = False
    refresh_month: date | None = None


def score(cur: Cursor, run: Run, scope: Scope | None = None) -> dict[str, int]:
    """Compute baselines, flag and take back. Returns counts by outcome.

    The fact is looked at only in months that can matter: a statement that names its months costs
    the same however many others there are.

    Raises:
        UsageError: see `refuse_another_baseline`.
    """
    settings = run.settings
    refuse_another_baseline(cur, settings)
    scope = scope or Scope()
    params: dict[str, Any] = {
        "batch_id": run.run_id,
        "monthly": settings.anomaly_baseline == "monthly",
        "k": settings.anomaly_k,
        "min_lines": settings.anomaly_min_lines,
        "rescore_all": scope.rescore_all,
        "refresh_month": scope.refresh_month,
    }
    params["batches"] = _find_changes(cur)
    _find_scope(cur, params)
    run_file(cur, "anomalies/22_baselines.sql", params)
    if cur.rowcount:
        cur.execute("ANALYZE anomaly_baselines")
    _find_lines(cur, params)
    run_file(cur, "anomalies/33_above.sql", params)
    _over(cur, "anomalies/34_fallen.sql", _months(cur), params["batches"])
    run_file(cur, "anomalies/35_anomalies.sql", params)
    counts = _counts(cur, params)
    if counts["newly_flagged"]:
        cur.execute(
            "SELECT ops.add_finding('anomalies', %s, %s)", (run.run_id, counts["newly_flagged"])
        )
    return counts


def _find_changes(cur: Cursor) -> list[int]:
    """Claim what changed, and find where judged lines are by now. Returns the loads' runs."""
    run_file(cur, "anomalies/10_changes.sql")
    cur.execute(
        "SELECT c.month, array_agg(DISTINCT c.batch_id) FROM changes AS c"
        " INNER JOIN months AS m ON c.month = m.month"
        " WHERE c.reason <> 'review' GROUP BY c.month ORDER BY c.month"
    )
    loads: dict[date, list[int]] = dict(cur.fetchall())
    batches = sorted({batch for written in loads.values() for batch in written})
    # Without any, the plan would still read all these lines: of an empty table, too, ten pages
    # are assumed until it is analysed.
    cur.execute("SELECT EXISTS (SELECT FROM anomalies)")
    if cur.fetchone() == (True,):
        _over(cur, "anomalies/11_changed_lines.sql", list(loads), batches)
    run_file(cur, "anomalies/12_sought.sql")
    _over(cur, "anomalies/13_found.sql", _months(cur))
    return batches


def _find_scope(cur: Cursor, params: dict[str, Any]) -> None:
    """Which baselines to compute, and of which products and months to score lines."""
    run_file(cur, "anomalies/14_asked.sql", params)
    run_file(cur, "anomalies/17_scope.sql", params)
    _over(cur, "anomalies/21_cells.sql", _months(cur))


def _find_lines(cur: Cursor, params: dict[str, Any]) -> None:
    """The lines above their threshold, of those to be scored."""
    run_file(cur, "anomalies/30_due.sql", params)
    due, batches = cur.fetchall(), params["batches"]
    _over(cur, "anomalies/31_lines.sql", [month for month, whole, _ in due if whole])
    _over(cur, "anomalies/32_new_lines.sql", [month for month, _, new in due if new], batches)


def _months(cur: Cursor) -> list[date]:
    """The months that the statement before gave, in order."""
    return sorted(row[0] for row in cur.fetchall())


def _over(cur: Cursor, name: str, months: list[date], batches: list[int] | None = None) -> None:
    """Run a file for these months, once for those that follow each other."""
    for span in spans(months):
        run_file(cur, name, span | {"batches": batches})


def pending(cur: Cursor) -> int:
    """How many products and months wait to be scored."""
    cur.execute("SELECT count(*) FROM ops.sales_changes")
    row = cur.fetchone()
    return int(row[0]) if row else 0


def _counts(cur: Cursor, params: dict[str, Any]) -> dict[str, int]:
    run_file(cur, "anomalies/90_counts.sql", params)
    row = cur.fetchone()
    return dict(zip((c.name for c in cur.description or ()), row or (), strict=True))


def refuse_another_baseline(cur: Cursor, settings: Settings) -> None:
    """A home is scored by one kind of baseline.

    Raises:
        UsageError: the setting is not what this home was scored by.
    """
    monthly = settings.anomaly_baseline == "monthly"
    cur.execute("SELECT month IS NOT NULL FROM anomaly_baselines LIMIT 1")
    row = cur.fetchone()
    if row is not None and row[0] is not monthly:
        raise UsageError(
            "ANOMALY_BASELINE is fixed for a home: this one was scored by"
            f" '{'monthly' if row[0] else 'all'}', the setting now says"
            f" '{'monthly' if monthly else 'all'}'",
            do="put the setting back, or use another WAREHOUSE_HOME",
        )
