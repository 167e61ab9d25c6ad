"""What gold has to have taken by when, and what of it is missing: asked of `ops`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from jobs.common.landing import WINDOW_HOURS

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

LEAD = timedelta(hours=2)  # a window that ends this long before READY_BY has to be in
WINDOW = timedelta(hours=WINDOW_HOURS)
LOADS = ("fact_postgres", "replay_errors")
WINDOWS_NAMED = 3


def due(at: datetime, ready_by: time) -> datetime:
    """The last moment, at or before `at`, by which all views were to be ready."""
    today = datetime.combine(at.astimezone(UTC).date(), ready_by, UTC)
    return today if today <= at else today - timedelta(days=1)


def windows(deadline: datetime) -> list[datetime]:
    """Starts of the windows that have to be in, since those of the day before."""
    midnight = deadline.replace(hour=0, minute=0, second=0, microsecond=0)
    ended = midnight + (deadline - LEAD - midnight) // WINDOW * WINDOW
    return [ended - WINDOW * number for number in range(24 // WINDOW_HOURS, 0, -1)]


def missing_list(cur: Cursor, dataset: str, day: date) -> str | None:
    """Whether gold lacks the list of a day."""
    cur.execute(
        "SELECT coalesce(bool_or(snapshot_date = %s), false), max(snapshot_date)"
        " FROM ops.loaded_snapshots WHERE dataset = %s",
        (day, dataset),
    )
    there, latest = cur.fetchone() or (False, None)
    if there:
        return None
    rest = f"the latest is of {latest}" if latest else "no other is either"
    return f"the {dataset} list of {day} is not in gold ({rest})"


def missing_windows(cur: Cursor, wanted: list[datetime]) -> str | None:
    """Which transactions windows gold lacks."""
    cur.execute(
        "SELECT w.start FROM unnest(%s::timestamptz[]) AS w (start)"
        " WHERE NOT EXISTS (SELECT FROM ops.loaded_files AS f WHERE f.window_start = w.start)"
        " AND NOT EXISTS (SELECT FROM ops.empty_files AS e WHERE e.window_start = w.start)"
        " ORDER BY w.start",
        (wanted,),
    )
    missing = [f"{row[0]:%Y-%m-%d %H:%M}" for row in cur.fetchall()]
    if not missing:
        return None
    named = ", ".join(missing[:WINDOWS_NAMED])
    rest = f" and {len(missing) - WINDOWS_NAMED} more" if len(missing) > WINDOWS_NAMED else ""
    return (
        f"of the last {len(wanted)} transaction windows {len(missing)} not in gold: {named}{rest}"
    )


def unfinished_load(cur: Cursor) -> str | None:
    """Whether the last load did not end well."""
    cur.execute(
        "SELECT run_id, status FROM ops.v_runs WHERE job = ANY(%s) ORDER BY run_id DESC LIMIT 1",
        (list(LOADS),),
    )
    row = cur.fetchone()
    if row is None:
        return "gold was never loaded"
    return None if row[1] == "done" else f"the last load of gold, run {row[0]}, is {row[1]}"


def unscored(cur: Cursor) -> str | None:
    """Whether lines wait for the anomaly job."""
    cur.execute("SELECT count(DISTINCT (stock_code, month)) FROM ops.sales_changes")
    row = cur.fetchone()
    if not row or not row[0]:
        return None
    return f"{row[0]:,} products and months wait for run_detect_anomalies.sh"
