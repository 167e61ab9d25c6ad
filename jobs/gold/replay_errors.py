"""Try lines in error again: all open ones, or those of a rule, a run or a file.

A load looks again by itself when prices or countries change; this is for when a person
wants it, or wants to know why a line is still bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pyspark.sql import functions as F

from jobs.common.db import transaction
from jobs.common.frames import frame_of
from jobs.common.job import Accept, JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables
from jobs.common.runlog import Run, run_context
from jobs.gold.postgres_load_fact import LOCKS, bring_up_to_date

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

JOB = "replay_errors"
Rule = Literal["archived_month", "malformed_row", "no_price_in_effect", "unknown_country"]


@dataclass(frozen=True)
class Filter:
    """Which open errors; None means any."""

    rule: str | None = None
    batch_id: int | None = None
    source_file: str | None = None
    max_attempts: int = 100


def extract(run: Run, wanted: Filter) -> list[tuple[str, int]]:
    """File hash and line of the open errors that the filter selects."""
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT f.file_sha256, e.source_line FROM transactions_error AS e"
            " JOIN ops.loaded_files AS f ON f.file_key = e.file_key"
            " WHERE e.status = 'OPEN' AND e.attempts < %(attempts)s"
            " AND (%(rule)s::text IS NULL OR %(rule)s = ANY(e.rules))"
            " AND (%(batch)s::bigint IS NULL OR e.batch_id = %(batch)s)"
            " AND (%(file)s::text IS NULL OR e.source_file = %(file)s)",
            {
                "attempts": wanted.max_attempts,
                "rule": wanted.rule,
                "batch": wanted.batch_id,
                "file": wanted.source_file,
            },
        )
        return cur.fetchall()


def still_open(run: Run, lines: list[tuple[str, int]]) -> int:
    """How many of the lines are in error yet."""
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT count(*) FROM transactions_error AS e"
            " JOIN ops.loaded_files AS f ON f.file_key = e.file_key"
            " JOIN unnest(%s::text[], %s::integer[]) AS l (sha, line)"
            " ON l.sha = f.file_sha256 AND l.line = e.source_line"
            " WHERE e.status = 'OPEN'",
            ([sha for sha, _ in lines], [line for _, line in lines]),
        )
        row = cur.fetchone()
    return int(row[0]) if row else 0


def run(context: JobContext, wanted: Filter) -> Run:
    """Look at the selected lines again, with whatever else gold has not taken yet."""
    spark = context.session
    told = vars(wanted) | context.parameters
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=told
    ) as this:
        ensure_tables(spark, context.settings)
        lines = extract(this, wanted)
        this.counts["selected"] = len(lines)
        if context.dry_run:
            say(f"would try {thousands(len(lines))} lines again")
            return this

        def again(loaded: DataFrame) -> DataFrame:
            keys = frame_of(spark, lines, "file_sha256 string, source_line int")
            return loaded.join(F.broadcast(keys), ["file_sha256", "source_line"], how="left_semi")

        if lines:
            bring_up_to_date(context, this, again=again)
        left = still_open(this, lines)
    say(
        f"replay: {thousands(len(lines) - left)} of {thousands(len(lines))} lines loaded,"
        f" {thousands(left)} still in error"
    )
    return this


def main(
    rule: Annotated[Rule | None, typer.Option(help="Only lines that broke this rule.")] = None,
    run_id: Annotated[
        int | None, typer.Option("--run", help="Only lines that this run wrote.")
    ] = None,
    file: Annotated[str | None, typer.Option(help="Only lines of this file.")] = None,
    max_attempts: Annotated[int, typer.Option(min=1, help="Pass over lines tried so often.")] = 100,
    dry_run: Annotated[bool, typer.Option(help="Count them; write nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
    accept: Accept = None,
) -> None:
    """Try lines in error again."""
    wanted = Filter(rule, run_id, file, max_attempts)
    run_main(
        *(JOB, lambda context: run(context, wanted)),
        scheduled=scheduled,
        dry_run=dry_run,
        accept=accept,
    )


if __name__ == "__main__":
    typer.run(main)
