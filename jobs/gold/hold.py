"""What becomes of a load that the breaker judged: held back and told, or published.

`ops.breaker_trips` has a row a thing out of range, told of once and open until a load finds it
right or a person accepts it; `ops.pending_files` has the files that gold has not taken meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from psycopg2.extras import execute_values

from jobs.common.checks import record
from jobs.common.db import instead
from jobs.common.errors import HeldBack
from jobs.gold.breaker import as_values

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.checks import Check
    from jobs.common.runlog import Run
    from jobs.gold.breaker import Trip, Verdict

NAMED = 5
ACCEPT = 'scripts/run_fact_postgres.sh --accept "why"'
ACCEPT_BACK = 'scripts/run_archive.sh --reopen … --accept "why"'


def hold(run: Run, verdict: Verdict, checks: list[Check]) -> NoReturn:
    """Undo the load; keep why, which files wait, and what the stewards have not been told.

    Raises:
        HeldBack: always.
    """
    with instead(run.conn, "the holding of a load") as cur:
        record(cur, run, [*checks, *verdict.checks(accepted=False)])
        _end_others(cur, run, verdict.trips)
        told = _open(cur, run, verdict.trips)
        if told:
            cur.execute("SELECT ops.add_finding('held', %s, %s)", (run.run_id, told))
        _note_pending(cur, run, verdict)
    run.counts.clear()  # what the load did is undone
    run.counts |= {"held_files": len(verdict.files), "trips": len(verdict.trips), "told": told}
    raise HeldBack(
        f"the breaker held the load back, nothing was published: {_words(verdict.trips)}",
        where=f"ops.breaker_trips, ops.pending_files; run {run.run_id}",
        do=f"if it is right: {ACCEPT_BACK if run.job == 'archive' else ACCEPT}; else leave the"
        " files pending until a later file corrects their lines (docs/checks.md)",
    )


def settle(cur: Cursor, run: Run, verdict: Verdict, accepted: str | None) -> None:
    """In the transaction that publishes: nothing is pending, and every trip has ended."""
    cur.execute("DELETE FROM ops.pending_files")
    if verdict.trips:
        _open(cur, run, verdict.trips)
        cur.execute(
            "UPDATE ops.breaker_trips AS t SET ended_by = r.run_id, ended_at = now(),"
            " accepted_by = r.who, reason = %s FROM ops.runs AS r WHERE r.run_id = %s"
            " AND t.ended_by IS NULL AND (t.check_name, t.subject) IN %s",
            (accepted, run.run_id, _keys(verdict.trips)),
        )
        run.counts["accepted_trips"] = len(verdict.trips)
        run.warn(f"accepted ({accepted}): {_words(verdict.trips)}")
    _end_others(cur, run, [])


def _open(cur: Cursor, run: Run, trips: list[Trip]) -> int:
    """Write the trips. Returns how many are new."""
    rows = execute_values(
        cur,
        "INSERT INTO ops.breaker_trips AS t"
        " (check_name, subject, files, observed, expected, batch_id) VALUES %s"
        " ON CONFLICT (check_name, subject) WHERE ended_by IS NULL DO UPDATE SET"
        " files = excluded.files, observed = excluded.observed, expected = excluded.expected,"
        " last_seen = now() RETURNING t.batch_id",
        [(*values, run.run_id) for values in as_values(trips)],
        fetch=True,
    )
    return sum(row[0] == run.run_id for row in rows)


def _end_others(cur: Cursor, run: Run, trips: list[Trip]) -> None:
    """Trips that this load did not find again have come right."""
    cur.execute(
        "UPDATE ops.breaker_trips SET ended_by = %s, ended_at = now()"
        " WHERE ended_by IS NULL AND (check_name, subject) NOT IN %s",
        (run.run_id, _keys(trips) or (("", ""),)),
    )


def _keys(trips: list[Trip]) -> tuple[tuple[str, str], ...]:
    return tuple((trip.check, trip.subject) for trip in trips)


def _note_pending(cur: Cursor, run: Run, verdict: Verdict) -> None:
    cur.execute("DELETE FROM ops.pending_files")
    execute_values(
        cur,
        "INSERT INTO ops.pending_files"
        " (file_sha256, source_file, window_start, line_count, malformed, batch_id) VALUES %s",
        [(*file, run.run_id) for file in verdict.files],
    )


def _words(trips: list[Trip]) -> str:
    """What was found, and in which files, for the person who watches."""
    words = []
    for trip in trips[:NAMED]:
        names = ", ".join(trip.files[:NAMED])
        more = len(trip.files) - NAMED
        blame = f", by {names}" if names and not trip.observed.startswith(names) else ""
        words.append(f"{trip.observed}{blame}{f' and {more} more' if more > 0 else ''}"
                     f" ({trip.expected})")  # fmt: skip
    rest = len(trips) - NAMED
    return "; ".join(words) + (f"; and {rest:,} more" if rest > 0 else "")
