"""What a build of the scheduler did, as files that the scheduler shows: no Spark.

`report.json`: the runs with their counts and checks; `checks.xml`: JUnit, a case a data check
and one a job's run; `summary.txt`: one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg2.extras import RealDictCursor
from pydantic import SecretStr

from jobs.common.db import connect
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say
from jobs.common.settings import Settings
from jobs.junit import Case, as_xml

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

RUNS = """
SELECT
    run_id, job, status, triggered_by, build, who, started_at, ended_at, parameters, counts, message
FROM ops.v_runs
WHERE CASE WHEN %(run_id)s::bigint IS NULL THEN build = %(build)s ELSE run_id = %(run_id)s END
ORDER BY run_id
"""
CHECKS = """
SELECT run_id, check_name, severity, passed, observed, expected
FROM ops.checks
WHERE run_id = ANY(%(run_ids)s)
ORDER BY run_id, check_name
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Amount:
    """Something that is counted: its words for one and for many, and the runs' counts of it."""

    one: str
    many: str
    counts: tuple[str, ...]

    def words(self, count: int) -> str:
        """2 errors"""
        return f"{count:,} {self.one if count == 1 else self.many}"


MAIN = (
    Amount("line", "lines", ("rows_in",)),
    Amount("error", "errors", ("error", "moved_to_error")),
    Amount("anomaly", "anomalies", ("newly_flagged",)),
)
OTHERS = (
    Amount("line restated", "lines restated", ("restated",)),
    Amount("price version changed", "price versions changed", ("versions_changed",)),
    Amount("country changed", "countries changed", ("countries_changed",)),
    Amount("file refused", "files refused", ("refused_files",)),
    Amount("file held back", "files held back", ("held_files",)),
    Amount("data check failed", "data checks failed", ("failed_checks",)),
    Amount("view late", "views late", ("late_views",)),
)


@dataclass
class Report:
    """The runs of a build, in order, each with its checks."""

    runs: list[Row] = field(default_factory=list)

    @property
    def latest(self) -> dict[str, Row]:
        """The last run of each job: a build may have tried again."""
        return {run["job"]: run for run in self.runs}


def extract(conn: Connection, build: str | None, run_id: int | None) -> Report:
    """The runs of a build, or one run."""
    with conn, conn.cursor(cursor_factory=RealDictCursor) as cur:
        cur.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cur.execute(RUNS, {"build": build, "run_id": run_id})
        runs = [dict(row) | {"checks": []} for row in cur.fetchall()]
        cur.execute(CHECKS, {"run_ids": [run["run_id"] for run in runs]})
        by_id = {run["run_id"]: run for run in runs}
        for row in cur.fetchall():
            check = dict(row)
            by_id[check.pop("run_id")]["checks"].append(check)
    return Report(runs)


def cases(report: Report) -> list[Case]:
    """A case a job's last run, and one a check: of a check made again, the one that failed."""
    found = [_case_of_run(run) for run in report.latest.values()]
    checks: dict[tuple[str, str], Case] = {}
    for run in report.runs:
        for check in run["checks"]:
            case = _case_of_check(run, check)
            if (key := (case.job, case.name)) not in checks or not checks[key].failed:
                checks[key] = case
    return sorted([*found, *checks.values()], key=lambda case: (case.job, case.name))


def _case_of_run(run: Row) -> Case:
    message = run["message"] or ""
    took = (run["ended_at"] - run["started_at"]).total_seconds() if run["ended_at"] else 0.0
    seconds = max(took, 0.0)  # less, when the clock went back
    if run["status"] == "done":
        return Case(run["job"], "run", remark=message, seconds=seconds)
    words = f"run {run['run_id']} {run['status']}: {message}".rstrip(": ")
    return Case(run["job"], "run", run["status"], words, seconds=seconds)


def _case_of_check(run: Row, check: Row) -> Case:
    found = f"{check['observed']} instead of {check['expected']}"
    if check["passed"]:
        return Case(run["job"], check["check_name"], remark=str(check["observed"]))
    return Case(run["job"], check["check_name"], check["severity"], found)


def summary(report: Report) -> str:
    """41,203 lines · 2 errors · 5 anomalies; "nothing new" where that is so."""
    if not report.runs:
        return "no run began"
    parts = [*_failures(report), *_amounts(report.runs)]
    return " · ".join(parts) or "nothing new"


def _failures(report: Report) -> Iterator[str]:
    for run in report.latest.values():
        if run["status"] != "done":
            yield f"{run['job']} {run['status']}"


def _amounts(runs: list[Row]) -> Iterator[str]:
    real = [run["counts"] for run in runs if not run["counts"].get("dry_run")]

    def totals(amounts: Iterable[Amount]) -> list[tuple[int, Amount]]:
        return [
            (sum(int(counts.get(name) or 0) for counts in real for name in amount.counts), amount)
            for amount in amounts
        ]

    main = totals(MAIN)
    if any(count for count, _ in main):
        yield from (amount.words(count) for count, amount in main)
    yield from (amount.words(count) for count, amount in totals(OTHERS) if count)


def as_json(report: Report, build: str | None) -> str:
    """The runs with their counts and checks."""
    whole = {"build": build, "summary": summary(report), "runs": report.runs}
    return json.dumps(whole, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def without_secrets(report: Report, settings: Settings) -> Report:
    """The report, every password that a message might hold masked."""
    given = (value for value in vars(settings).values() if isinstance(value, SecretStr))
    secrets = sorted(filter(None, (s.get_secret_value() for s in given)), key=len, reverse=True)

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, "***")
            return value
        if isinstance(value, list):
            return [masked(each) for each in value]
        if isinstance(value, dict):
            return {key: masked(each) for key, each in value.items()}
        return value

    return Report([masked(run) for run in report.runs])


def load(report: Report, build: str | None, out: Path) -> None:
    """Write the three files.

    Raises:
        UsageError: the directory cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(as_json(report, build), encoding="utf-8")
        (out / "checks.xml").write_bytes(as_xml(cases(report)))
        (out / "summary.txt").write_text(summary(report) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error}", where=str(out)) from None


def run(context: JobContext, build: str | None, run_id: int | None, out: Path) -> Report:
    """Report on a build, or on one run. It has no row of its own in `ops.runs`.

    Raises:
        UsageError: neither or both were named, or the directory cannot be written.
        TransientError: Postgres does not answer.
    """
    if (build is None) == (run_id is None):
        raise UsageError("name one of --build and --run", do="scripts/run_report.sh --help")
    with closing(connect(context.settings)) as conn:
        report = without_secrets(extract(conn, build, run_id), context.settings)
    load(report, build, out)
    say(summary(report))
    return report


def main(
    out: Annotated[Path, typer.Option(help="Directory of the files; made when missing.")],
    build: Annotated[str | None, typer.Option(help="The build, as WAREHOUSE_BUILD said.")] = None,
    run_id: Annotated[int | None, typer.Option("--run", help="One run instead.")] = None,
) -> None:
    """Write report.json, checks.xml and summary.txt of a build."""
    run_main("report", lambda context: run(context, build, run_id, out), needs_spark=False)


if __name__ == "__main__":
    typer.run(main)
