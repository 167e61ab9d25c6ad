"""Data checks: what was seen against what should be; `fail` stops a run before it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from psycopg2.extras import execute_values

from jobs.common.db import instead
from jobs.common.errors import FailedCheck
from jobs.common.printable import printable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.runlog import Run

Severity = Literal["fail", "warn"]


@dataclass(frozen=True)
class Check:
    """One check of a run."""

    name: str
    severity: Severity
    passed: bool
    observed: str
    expected: str


def record(cur: Cursor, run: Run, checks: list[Check]) -> None:
    """Keep the checks in `ops.checks`."""
    execute_values(
        cur,
        "INSERT INTO ops.checks (run_id, check_name, severity, passed, observed, expected)"
        " VALUES %s"
        " ON CONFLICT (run_id, check_name) DO UPDATE SET passed = excluded.passed,"
        " observed = excluded.observed, expected = excluded.expected",
        [
            (run.run_id, c.name, c.severity, c.passed, printable(c.observed), c.expected)
            for c in checks
        ],
    )


def enforce(run: Run, checks: list[Check]) -> None:
    """Stop when a check of severity `fail` did not pass; the open transaction is undone first.

    Raises:
        FailedCheck: naming what was seen.
    """
    failed = [c for c in checks if c.severity == "fail" and not c.passed]
    if not failed:
        return
    with instead(run.conn, "the record of a failed check") as cur:
        record(cur, run, checks)
    words = "; ".join(f"{c.name}: {c.observed} instead of {c.expected}" for c in failed)
    raise FailedCheck(
        f"a check failed, nothing was published: {words}",
        where=f"ops.checks, run {run.run_id}",
        do="keep the files as they are and report this",
    )
