"""The anomaly rule, set-wise in gold: scope, baselines, scores. One transaction, the caller's.

A sales line is odd when its quantity is above median + k·deviation of the product's sales
lines in the 12 months before its month (z-score; Iglewicz & Hoaglin 1993 for the median as
centre). Only new lines, and lines whose baseline changed, are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.common.dates import bounds
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

    The fact is looked at month by month, and only at months that can matter: a statement that
    names its month costs the same however many others there are.

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
    _each_month(cur, "anomalies/34_fallen_of_month.sql", params["batches"])
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
    loads = dict(cur.fetchall())
    for month, batches in loads.items():
        values = bounds(month) | {"batches": batches}
        run_file(cur, "anomalies/11_changed_lines_of_month.sql", values)
    run_file(cur, "anomalies/12_sought.sql")
    _each_month(cur, "anomalies/13_found_of_month.sql")
    return sorted({batch for batches in loads.values() for batch in batches})


def _find_scope(cur: Cursor, params: dict[str, Any]) -> None:
    """Which baselines to compute, and of which products and months to score lines."""
    run_file(cur, "anomalies/14_asked.sql", params)
    _each_month(cur, "anomalies/15_selling_of_month.sql")
    run_file(cur, "anomalies/17_scope.sql", params)
    _each_month(cur, "anomalies/21_cells_of_month.sql")


def _find_lines(cur: Cursor, params: dict[str, Any]) -> None:
    """The lines to score."""
    run_file(cur, "anomalies/30_due.sql")
    for month, whole, new in cur.fetchall():
        values = params | bounds(month)
        if whole:
            run_file(cur, "anomalies/31_lines_of_month.sql", values)
        if new:
            run_file(cur, "anomalies/32_new_lines_of_month.sql", values)


def _each_month(cur: Cursor, name: str, batches: list[int] | None = None) -> None:
    """Run a file for each month that the statement before gave."""
    for (month,) in cur.fetchall():
        run_file(cur, name, bounds(month) | {"batches": batches})


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
