"""Keeps the lake and the logs small: compaction, snapshot expiry, orphan removal, log rotation.

    scripts/run_maintain.sh [--only STEP,…] [--dry-run]

No row of any table changes, and what loads go by stays right. A table is held only while a step
works on it; staging of runs that died goes with the start of this run, as with that of any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from jobs.common.contracts import BRONZE_TABLES, DW_TABLES, Table
from jobs.common.errors import AlreadyRunning, UsageError
from jobs.common.job import JobContext, exit_code_of, run_main, say
from jobs.common.runlog import Run, borrowed, run_context
from jobs.maintain import compaction, expiry, logs, orphans
from jobs.maintain.work import Place, Step, Work

JOB = "maintain"
LOCKS = ("maintain",)
STEPS = (compaction.STEP, expiry.STEP, orphans.STEP)
LOGS = "logs"
NAMES = (*(step.name for step in STEPS), LOGS)
TABLES = BRONZE_TABLES + DW_TABLES


def chosen(only: str | None) -> list[str]:
    """The steps that `--only step,…` names, in their order.

    Raises:
        UsageError: a name is of no step.
    """
    wanted = [part.strip() for part in only.split(",")] if only else list(NAMES)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        raise UsageError(
            f"no such step: {', '.join(unknown)}", do=f"choose from {', '.join(NAMES)}"
        )
    return [name for name in NAMES if name in wanted]


def run(
    context: JobContext,
    steps: Sequence[str],
    now: datetime,
    tables: Sequence[Table] = TABLES,
) -> Run:
    """Do what is due, table by table; in a dry run, say what would be done.

    Raises:
        AlreadyRunning: tables were in use; everything else was done.
    """
    parameters = {"only": ",".join(steps)}
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        places = [
            Place(context.session, this, table, now)
            for table in tables
            if context.session.catalog.tableExists(table.full_name)
        ]
        wanted = [step for step in STEPS if step.name in steps]
        busy = [held for step in wanted for held in _over_tables(context, step, places)]
        if LOGS in steps:
            _over_logs(context, this, now)
        if busy:
            raise AlreadyRunning(
                f"left out, since they were in use: {'; '.join(busy)}",
                do="start again when those runs have ended",
            )
    return this


def _over_tables(context: JobContext, step: Step, places: Iterable[Place]) -> list[str]:
    """Do a step on each table; what could not be done, and why."""
    busy = []
    for place in places:
        try:
            _on_table(context, step, place)
        except AlreadyRunning as error:
            busy.append(f"{step.name} of {place.table.full_name} ({error.what})")
    return busy


def _on_table(context: JobContext, step: Step, place: Place) -> None:
    what = f"{step.name}, {place.table.full_name}"
    first = step.plan(place)
    if context.dry_run or not first:
        _tell(context, place.run, step.name, what, first, step.verbs)
        return
    for _ in range(first.rounds):
        with borrowed(place.run, step.locks(place), context.trigger):
            if work := step.plan(place):
                _tell(context, place.run, step.name, what, step.load(place, work), step.verbs)


def _over_logs(context: JobContext, this: Run, now: datetime) -> None:
    act = logs.plan if context.dry_run else logs.load
    _tell(context, this, LOGS, LOGS, act(context.settings, now), ("remove", "removed"))


def _tell(
    context: JobContext, this: Run, step: str, what: str, work: Work, verbs: tuple[str, str]
) -> None:
    """Count it and, when there is anything, say it."""
    for name, count in work.counts.items():
        key = f"{step}_{name.replace(' ', '_')}"
        this.counts[key] = this.counts.get(key, 0) + count
    if work:
        done = f"would {verbs[0]}" if context.dry_run else verbs[1]
        say(f"{what}: {done} {work}")


def main(
    only: Annotated[
        str | None, typer.Option(help=f"Steps, separated by commas: {', '.join(NAMES)}.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done; change nothing.")] = False,
    scheduled: Annotated[bool, typer.Option(help="Wait for locks, as scheduled runs do.")] = False,
) -> None:
    """Keep the lake and the logs small."""
    now = datetime.now(UTC)
    steps: list[str] = []
    if code := exit_code_of(lambda: steps.extend(chosen(only))):
        raise typer.Exit(code)
    run_main(JOB, lambda context: run(context, steps, now), scheduled=scheduled, dry_run=dry_run)


if __name__ == "__main__":
    typer.run(main)
