"""Is what bronze and gold hold right? Asks every data check, and tells the stewards what fails.

Grain: one check a file of `sql/checks`, one row of it a run in `ops.checks`. A check of severity
`fail` ends the run with exit code 1, one of `warn` does not. Nothing is changed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.checks.ask import Answer, Moments, answers, state_of_gold
from jobs.checks.files import all_checks, chosen
from jobs.common import checks
from jobs.common.dates import moment
from jobs.common.db import transaction
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.job import JobContext, errors, run_main, say
from jobs.common.lake import ensure_tables
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context
from jobs.junit import Case, as_xml
from jobs.notify import send_mail

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.checks.files import CheckFile
    from jobs.common.checks import Check

JOB = "check_data"
LOCKS = ("checks",)


def extract(context: JobContext, asked: list[CheckFile], at: datetime) -> list[Answer]:
    """Ask the checks, as of a moment."""
    fresh_since = at - timedelta(hours=context.settings.check_fresh_hours)
    ensure_tables(context.session, context.settings)
    with state_of_gold(context.settings) as cur:
        found = []
        for answer in answers(context.session, cur, asked, Moments(at, fresh_since)):
            say(words(answer))
            found.append(answer)
    return found


def words(answer: Answer) -> str:
    """One line for the person who watches."""
    check = answer.check
    if check.passed:
        return f"ok    {check.name}: {check.observed}"
    return f"{check.severity:<5} {check.name}: {check.observed} instead of {check.expected}"


def transform(found: list[Answer]) -> list[Case]:
    """The answers as test cases."""
    return [
        Case(
            JOB,
            answer.check.name,
            "" if answer.check.passed else answer.check.severity,
            f"{answer.check.observed} instead of {answer.check.expected}\n{answer.file.what}",
            answer.check.observed if answer.check.passed else "",
            answer.seconds,
        )
        for answer in found
    ]


def load(run: Run, found: list[Answer]) -> None:
    """Keep the checks, and put those that fail in a new way into the outbox: one transaction."""
    failed = [answer.check for answer in found if not answer.check.passed]
    wrong = sum(check.severity == "fail" for check in failed)
    with transaction(run.conn, "the answers to checks") as cur:
        news = [check for check in failed if _is_news(cur, check)]
        checks.record(cur, run, [answer.check for answer in found])
        if news:
            cur.execute("SELECT ops.add_finding('checks', %s, %s)", (run.run_id, len(news)))
        run.counts |= {
            "checks": len(found),
            "failed_checks": wrong,
            "warnings": len(failed) - wrong,
            "told": len(news),
        }
        run.finish(cur)


def _is_news(cur: Cursor, check: Check) -> bool:
    """Whether it did not fail in the same way when it was last asked."""
    cur.execute(
        "SELECT c.passed, c.observed FROM ops.checks AS c JOIN ops.runs AS r USING (run_id)"
        " WHERE r.job = %s AND c.check_name = %s ORDER BY c.run_id DESC LIMIT 1",
        (JOB, check.name),
    )
    return cur.fetchone() != (False, check.observed)


def run(
    context: JobContext, at: datetime, *, now: datetime, only: str | None, junit: Path | None
) -> list[Answer]:
    """Ask the checks, keep and mail what they say; `at` is their "now", `now` dates the mail.

    Raises:
        WarehouseError: a check of severity `fail` failed.
        UsageError: there is no such check, or the JUnit file cannot be written.
    """
    asked = chosen(all_checks(), only)
    parameters = {"at": at} | ({"only": only} if only else {})
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        found = extract(context, asked, at)
        if context.dry_run:
            this.counts["dry_run"] = True
        else:
            load(this, found)
    if junit is not None:
        write_junit(junit, found)
    if not context.dry_run and this.counts["told"]:
        _mail(context, now)
    _stop_on_failures(this, found)
    return found


def write_junit(path: Path, found: list[Answer]) -> None:
    """The answers as a JUnit file.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with effect("the file of answers"):
            path.write_bytes(as_xml(transform(found)))
    except OSError as error:
        raise UsageError(f"--junit cannot be written: {error}", where=str(path)) from None


def _mail(context: JobContext, now: datetime) -> None:
    """Send what is due; where that fails, the outbox keeps it."""
    try:
        send_mail.run(context, now=now)
    except WarehouseError as error:
        errors.print(f"the mail is kept and sent by the next run: {error}", markup=False)


def _stop_on_failures(run: Run, found: list[Answer]) -> None:
    failed = [a.check for a in found if not a.check.passed and a.check.severity == "fail"]
    say(f"{len(found)} checks, {sum(a.check.passed for a in found)} passed")
    if failed:
        raise WarehouseError(
            f"{len(failed)} data checks failed: {', '.join(check.name for check in failed)}",
            where=f"ops.checks, run {run.run_id}",
            do="see docs/checks.md for each; a forced load puts gold right where bronze is",
        )


def main(
    only: Annotated[str | None, typer.Option(help="Checks, separated by commas.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar='"YYYY-MM-DD HH:MM"', help="UTC; now when left out.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Also as a JUnit file.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say it; record and mail nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Ask every data check of bronze and gold."""
    now = datetime.now(UTC)
    run_main(
        JOB,
        lambda context: run(context, moment(at) if at else now, now=now, only=only, junit=junit),
        scheduled=scheduled,
        dry_run=dry_run,
    )


if __name__ == "__main__":
    typer.run(main)
