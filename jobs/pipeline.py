"""The whole chain in one Spark application: starting Spark once costs less than seven times."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.analytics import detect_anomalies
from jobs.bronze import ingest_countries, ingest_products, ingest_transactions
from jobs.common.dates import From, To
from jobs.common.errors import BadInput, HeldBack, UsageError, WarehouseError
from jobs.common.job import Accept, JobContext, exit_code_of, run_main, say
from jobs.gold import load_dw, postgres_load_fact
from jobs.notify import send_mail


@dataclass(frozen=True)
class Step:
    """A job of the chain."""

    name: str
    run: Callable[[JobContext, datetime], dict[str, Any]]
    needs_spark: bool = True
    others_need_it: bool = True


CHAIN = (
    Step("ingest_products", lambda context, _: ingest_products.run(context).counts),
    Step("ingest_countries", lambda context, _: ingest_countries.run(context).counts),
    Step("ingest_transactions", lambda context, _: ingest_transactions.run(context).counts),
    Step("fact_postgres", lambda context, _: postgres_load_fact.run(context).counts),
    Step(
        "detect_anomalies",
        lambda context, _: detect_anomalies.run(context).counts,
        needs_spark=False,
    ),
    Step(
        "send_mail",
        lambda context, now: asdict(send_mail.run(context, now=now)),
        needs_spark=False,
        others_need_it=False,
    ),
    Step("dw", lambda context, _: load_dw.run(context).counts),
)


@dataclass
class Outcome:
    """How a step ended: its run's counts, and how long it took in seconds."""

    job: str
    seconds: float
    counts: dict[str, Any]
    error: WarehouseError | None = None

    @property
    def told(self) -> dict[str, Any]:
        """For the report."""
        return {**vars(self), "error": str(self.error) if self.error else None}


def chosen(only: str | None) -> list[Step]:
    """The steps that `--only job,…` names, in the chain's order.

    Raises:
        UsageError: a name is of no job of the chain.
    """
    names = [step.name for step in CHAIN]
    wanted = [part.strip() for part in only.split(",")] if only else names
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        raise UsageError(f"no such job: {', '.join(unknown)}", do=f"choose from {', '.join(names)}")
    return [step for step in CHAIN if step.name in wanted]


def run_steps(context: JobContext, steps: list[Step], now: datetime) -> list[Outcome]:
    """Run the steps in order.

    Neither files that are refused or held back nor a mail server that is down stop the chain;
    other errors do.
    """
    outcomes: list[Outcome] = []
    for number, step in enumerate(steps, 1):
        say(f"({number}/{len(steps)}) {step.name}")
        outcomes.append(_run_step(context, step, now))
        say(f"      {outcomes[-1].seconds:.1f} s")
    return outcomes


def _run_step(context: JobContext, step: Step, now: datetime) -> Outcome:
    start = time.monotonic()
    try:
        counts = step.run(context, now)
    except WarehouseError as error:
        if step.others_need_it and not isinstance(error, BadInput):
            raise
        for line in str(error).split("\n"):
            say(f"  {line}")
        return Outcome(step.name, time.monotonic() - start, {}, error)
    return Outcome(step.name, time.monotonic() - start, counts)


def write_report(home: Path, outcomes: list[Outcome], now: datetime) -> Path:
    """Keep what the chain did as JSON beside the logs."""
    directory = home / "logs" / "pipeline"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(
        json.dumps([o.told for o in outcomes], indent=2, default=str) + "\n", encoding="utf-8"
    )
    return path


def run(context: JobContext, steps: list[Step], now: datetime) -> None:
    """Run the steps, keep a report.

    Raises:
        WarehouseError: a step failed that the others did not need.
        HeldBack: the breaker kept a load out of gold; what follows ran on gold as it was.
        BadInput: files were refused on the way; everything good went through.
    """
    start = time.monotonic()
    outcomes = run_steps(context, steps, now)
    report = write_report(context.settings.home, outcomes, now)
    say(f"chain: {len(outcomes)} jobs in {time.monotonic() - start:.1f} s; report {report}")
    failed = [o.error for o in outcomes if o.error and not isinstance(o.error, BadInput)]
    if failed:
        raise failed[0]
    held = [o.error for o in outcomes if isinstance(o.error, HeldBack)]
    if held:
        raise held[0]
    refused = [o.job for o in outcomes if o.error]
    if refused:
        raise BadInput(
            f"files were refused by {', '.join(refused)}; everything good went through",
            where=f"{context.settings.landing}/rejected",
            do="read the .reason beside each file, mend it and put it into landing again",
        )


def main(
    only: Annotated[str | None, typer.Option(help="Jobs, separated by commas.")] = None,
    start: From = None,
    end: To = None,
    force: Annotated[
        bool, typer.Option(help="Do again what is done: replace lists, put gold right.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what each would do; write nothing.")] = False,
    scheduled: Annotated[bool, typer.Option(help="Wait for locks, as scheduled runs do.")] = False,
    accept: Accept = None,
) -> None:
    """Run the whole chain: products, countries, transactions, gold, anomalies, mail, dw."""
    now = datetime.now(UTC)
    steps: list[Step] = []
    if code := exit_code_of(lambda: steps.extend(chosen(only))):
        raise typer.Exit(code)
    run_main(
        "pipeline",
        lambda context: run(context, steps, now),
        scheduled=scheduled,
        dry_run=dry_run,
        needs_spark=any(step.needs_spark for step in steps),
        dates=(start, end),
        force=force,
        accept=accept,
    )


if __name__ == "__main__":
    typer.run(main)
