"""Corrections by hand, kept with who, when and why, and undone by their number.

    scripts/run_correct.sh country "Eire" 372 --why "…"       lines of that name are of that country
    scripts/run_correct.sh price 85123A 2.55 --from 2011-03-01 --to 2011-03-31 --why "…"
    scripts/run_correct.sh discard 536365-1 --why "…"         a line in error will never be right
    scripts/run_correct.sh list
    scripts/run_correct.sh undo 3 --why "…"

A correction is kept first; lines follow it through the load, by this run or the next one.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.common.dates import Dates, From, To
from jobs.common.db import transaction
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say
from jobs.common.lake import ensure_tables
from jobs.common.runlog import Run, run_context
from jobs.gold.amendments import Word, discard, listed, rename, reprice, undo
from jobs.gold.postgres_load_fact import LOCKS, bring_up_to_date, told

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

JOB = "correct"


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
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=kept
    ) as this:
        with transaction(this.conn, "a correction") as cur:
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


@app.command("price")
def main_price(
    stock_code: str,
    price: str,
    why: Why,
    start: From = None,
    end: To = None,
    who: Who = None,
    dry_run: Dry = False,
) -> None:
    """A product costs this on these days, whatever the price lists say."""
    _start(
        lambda cur, this, word: reprice(
            *(cur, this, stock_code.strip(), price, Dates.parse(start, end), word)
        ),
        *(why, who, dry_run),
        needs_spark=True,
        stock_code=stock_code,
        price=price,
        days=[start, end],
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
