"""Does some dates again: their files come back from landing/done, and the chain runs with force.

    scripts/run_backfill.sh --from D --to D [--source SOURCE] [--dry-run]

Files that bronze knows go back to done, so nothing changes where all is right. When it dies
midway, files wait in landing like any others, and the next run of any chain takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import pipeline
from jobs.bronze.ledger import read_ledger
from jobs.common.contracts import COUNTRIES_SNAPSHOTS, PRODUCTS_SNAPSHOTS
from jobs.common.job import Accept, JobContext, run_main, say
from jobs.common.lake import ensure_tables
from jobs.common.landing import Dataset, Landing, LandingFile
from jobs.pipeline import Step

if TYPE_CHECKING:
    from jobs.common.contracts import Table

SOURCES: tuple[Dataset, ...] = ("products", "countries", "transactions")
SNAPSHOTS: dict[Dataset, Table] = {
    "products": PRODUCTS_SNAPSHOTS,
    "countries": COUNTRIES_SNAPSHOTS,
}

Round = dict[str, LandingFile]


def extract(context: JobContext, landing: Landing) -> list[LandingFile]:
    """The files of the context's dates that were taken, in the order in which they came.

    Of lists for one date only the one that counts: forced in again, an older one would replace
    it. Where bronze has none for the date, all of them, so that the last one counts again.
    """
    files = landing.taken(context.dates)
    table = SNAPSHOTS.get(landing.dataset)
    if table is None:
        return files
    ledger = read_ledger(context.session, table)
    read, unread = landing.with_hashes(files)
    for name, why, _ in unread:
        say(f"  warning: {name} stays in done: {why}")
    return [
        file for file in read if file.day not in ledger or ledger[file.day].sha256 == file.sha256
    ]


def rounds(files: Iterable[LandingFile]) -> list[Round]:
    """The files by rounds: in each, a name is there once, as landing can hold it."""
    found: list[Round] = []
    for file in files:
        free = next((names for names in found if file.name not in names), None)
        if free is None:
            found.append(free := {})
        free[file.name] = file
    return found


def load(landing: Landing, files: Round) -> dict[str, Any]:
    """Put the files back. Returns how many were, and how many could not be."""
    back = [landing.put_back(file) for file in files.values()]
    for file, moved in zip(files.values(), back, strict=True):
        if not moved:
            say(f"  warning: {file.name} stays in done: another file of that name waits")
    return {"put_back": sum(back), "left": len(back) - sum(back)}


def chain(context: JobContext, sources: tuple[Dataset, ...]) -> list[Step]:
    """Put back and ingest by rounds, then the rest of the chain.

    Raises:
        TransientError: a service does not answer.
    """
    steps: list[Step] = []
    for source in sources:
        landing = Landing(context.session, context.settings.landing, source)
        ingest = pipeline.chosen(f"ingest_{source}")
        batches = rounds(extract(context, landing))
        names = [file.uri for batch in batches for file in batch.values()]
        say(f"{source}: {len(names)} files in done {context.dates}")
        if context.dry_run:
            for name in names:
                say(f"  {name}")
        for batch in batches:
            steps += [Step(f"put_back_{source}", partial(_put_back, landing, batch)), *ingest]
        if not batches:
            steps += ingest
    return [*steps, *pipeline.chosen("fact_postgres,detect_anomalies,send_mail,dw")]


def _put_back(landing: Landing, batch: Round, _: JobContext, __: datetime) -> dict[str, Any]:
    return load(landing, batch)


def run(context: JobContext, sources: tuple[Dataset, ...], now: datetime) -> None:
    """Bring the files back and run the chain, or say which files and which jobs.

    Raises:
        WarehouseError: as the chain does.
    """
    ensure_tables(context.session, context.settings)
    steps = chain(context, sources)
    if context.dry_run:
        jobs = ", ".join(dict.fromkeys(step.name for step in steps))
        say(f"would run with --force, {context.dates}: {jobs}")
        return
    pipeline.run(context, steps, now)


def main(
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First date.")],
    end: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last date, inclusive.")],
    source: Annotated[Dataset | None, typer.Option(help="Files of this source only.")] = None,
    dry_run: Annotated[bool, typer.Option(help="List the files; write nothing.")] = False,
    scheduled: Annotated[bool, typer.Option(help="Wait for locks, as scheduled runs do.")] = False,
    accept: Accept = None,
) -> None:
    """Put the files of some dates back into landing and run the chain on them with force."""
    now = datetime.now(UTC)
    run_main(
        "backfill",
        lambda context: run(context, (source,) if source else SOURCES, now),
        scheduled=scheduled,
        dry_run=dry_run,
        dates=(start, end),
        force=True,
        accept=accept,
    )


if __name__ == "__main__":
    typer.run(main)
