"""Corrections by hand, kept with who, when and why, and undone by their number.

    scripts/run_correct.sh country "Eire" 372 --why "…"       lines of that name are of that country
    scripts/run_correct.sh discard 536365-1 --why "…"         a line in error will never be right
    scripts/run_correct.sh list
    scripts/run_correct.sh undo 3 --why "…"

A correction is kept first; lines follow it through the load, by this run or the next one.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.common.db import transaction
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables
from jobs.common.runlog import Run, run_context
from jobs.gold.postgres_load_fact import LOCKS, bring_up_to_date, told

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

JOB = "correct"
SHOWN = 50


@dataclass(frozen=True)
class Word:
    """Who says so, and why."""

    who: str
    why: str


def rename(cur: Cursor, run: Run, name: str, country_id: int, word: Word) -> str:
    """Have a name mean a country.

    Raises:
        UsageError: there is no such country, or the name is taken.
    """
    cur.execute("SELECT country FROM dim_countries WHERE country_id = %s", (country_id,))
    country = cur.fetchone()
    if country is None:
        raise UsageError(
            f"no country has the id {country_id}",
            do='see: scripts/gold_sql.sh "SELECT country_id, country FROM dim_countries"',
        )
    cur.execute("SELECT country_id FROM dim_countries WHERE country = %s", (name,))
    if not name or cur.fetchone():
        raise UsageError(f"'{name}' is a name of the countries list, or none at all")
    keep(cur, run, "country", name, word, country_id)
    lines = _first(
        cur,
        "SELECT count(*) FROM transactions_error"
        " WHERE status = 'OPEN' AND 'unknown_country' = ANY(rules) AND raw ->> 'country' = %s",
        name,
    )
    return f"'{name}' means {country[0]}: {thousands(lines)} lines in error have it"


def discard(cur: Cursor, run: Run, key: str, word: Word) -> str:
    """Set an open line in error aside.

    Raises:
        UsageError: there is no such line, or it is not open.
    """
    cur.execute(
        "UPDATE transactions_error SET status = 'DISCARDED'"
        " WHERE (error_id = %s OR transaction_id = %s) AND status = 'OPEN' RETURNING error_id",
        (key, key),
    )
    row = cur.fetchone()
    if row is None:
        raise UsageError(
            "no open line in error has this error_id or transaction_id",
            do='see: scripts/gold_sql.sh "SELECT error_id, transaction_id, status'
            ' FROM transactions_error"',
        )
    keep(cur, run, "discard", row[0], word)
    return f"{key} is discarded"


def keep(
    cur: Cursor, run: Run, kind: str, subject: str, word: Word, country_id: int | None = None
) -> None:
    """Keep a correction.

    Raises:
        UsageError: one of the same subject is in force.
    """
    cur.execute(
        "INSERT INTO ops.corrections (kind, subject, country_id, who, why, run_id, followed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (kind, subject) WHERE undone_at IS NULL DO NOTHING",
        (kind, subject, country_id, word.who, word.why, run.run_id, kind != "country"),
    )
    if not cur.rowcount:
        number = _first(
            cur,
            "SELECT correction_id FROM ops.corrections"
            " WHERE kind = %s AND subject = %s AND undone_at IS NULL",
            kind,
            subject,
        )
        raise UsageError(
            f"correction {number} says something of that already",
            do=f"undo it first: scripts/run_correct.sh undo {number} --why …",
        )


def undo(cur: Cursor, number: int, word: Word) -> str:
    """Undo a correction.

    Raises:
        UsageError: there is none of that number, or it is undone already.
    """
    cur.execute(
        "UPDATE ops.corrections SET undone_at = now(), undone_by = %s, undone_why = %s,"
        " followed = (kind <> 'country')"
        " WHERE correction_id = %s AND undone_at IS NULL RETURNING kind, subject",
        (word.who, word.why, number),
    )
    row = cur.fetchone()
    if row is None:
        raise UsageError(
            f"no correction {number} is in force", do="see: scripts/run_correct.sh list"
        )
    if row[0] == "discard":
        cur.execute(
            "UPDATE transactions_error SET status = 'OPEN'"
            " WHERE error_id = %s AND status = 'DISCARDED'",
            (row[1],),
        )
    return f"correction {number} ({row[0]}) is undone"


def _first(cur: Cursor, statement: str, *values: Any) -> int:
    cur.execute(statement, values)
    row = cur.fetchone()
    return int(row[0]) if row else 0


def run(
    context: JobContext,
    change: Callable[[Cursor, Run], str],
    word: Word,
    parameters: dict[str, Any],
) -> Run:
    """Make a change and, where the job has Spark, have the lines follow it.

    Raises:
        UsageError: it cannot be made, or no reason is given.
    """
    if not word.why.strip():
        raise UsageError("--why is empty", do="say for what reason; it is kept")
    kept = {**parameters, "who": word.who, "why": word.why}
    with run_context(context.settings, JOB, LOCKS, parameters=kept) as this:
        with transaction(this.conn) as cur:
            done = change(cur, this)
            if context.dry_run:
                this.conn.rollback()
                this.counts["dry_run"] = True
        if context.spark and not context.dry_run:
            ensure_tables(context.spark, context.settings)
            bring_up_to_date(context, this)
    say(done + (" (dry run: nothing was written)" if context.dry_run else ""))
    if context.spark and not context.dry_run:
        say(f"gold: {told(this.counts)}")
    return this


def listed(cur: Cursor) -> list[str]:
    """The latest corrections in lines, newest first."""
    cur.execute(
        "SELECT correction_id, kind, subject, country_id, who, made_at::date, why,"
        " undone_by, undone_at::date, undone_why FROM ops.corrections"
        " ORDER BY correction_id DESC LIMIT %s",
        (SHOWN,),
    )
    lines = []
    for number, kind, subject, country, who, made, why, by, at, because in cur.fetchall():
        means = f" = {country}" if country is not None else ""
        end = f"; undone by {by} on {at}: {because}" if by else ""
        lines.append(f"{number}  {kind} {subject}{means}  by {who} on {made}: {why}{end}")
    return lines


def show(context: JobContext) -> None:
    """Say which corrections there are."""
    with run_context(context.settings, JOB, ()) as this, transaction(this.conn) as cur:
        lines = listed(cur)
    for line in lines or ["no corrections"]:
        say(line)


Why = Annotated[str, typer.Option(help="For what reason; kept.")]
Who = Annotated[str | None, typer.Option(help="Who says so; your log-in when left out.")]
Dry = Annotated[bool, typer.Option(help="Say what it would do; write nothing.")]
app = typer.Typer(add_completion=False)


def _start(
    change: Callable[[Cursor, Run, Word], str],
    why: str,
    who: str | None,
    dry_run: bool,
    *,
    needs_spark: bool,
    **parameters: Any,
) -> None:
    word = Word(who or getpass.getuser(), why)
    run_main(
        JOB,
        lambda context: run(context, lambda c, r: change(c, r, word), word, parameters),
        dry_run=dry_run,
        needs_spark=needs_spark,
    )


@app.command("country")
def main_country(
    name: str, country_id: int, why: Why, who: Who = None, dry_run: Dry = False
) -> None:
    """A name that the shop writes means a country."""
    _start(
        lambda cur, this, word: rename(cur, this, name.strip(), country_id, word),
        *(why, who, dry_run),
        needs_spark=True,
        country=name,
        country_id=country_id,
    )


@app.command("discard")
def main_discard(key: str, why: Why, who: Who = None, dry_run: Dry = False) -> None:
    """A line in error will never be right."""
    _start(
        lambda cur, this, word: discard(cur, this, key, word),
        *(why, who, dry_run),
        needs_spark=False,
        discard=key,
    )


@app.command("undo")
def main_undo(number: int, why: Why, who: Who = None, dry_run: Dry = False) -> None:
    """Undo a correction."""
    _start(
        lambda cur, _, word: undo(cur, number, word),
        *(why, who, dry_run),
        needs_spark=True,
        undo=number,
    )


@app.command("list")
def main_list() -> None:
    """Which corrections there are."""
    run_main(JOB, show, needs_spark=False)


if __name__ == "__main__":
    app()
