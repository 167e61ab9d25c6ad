"""Takes months older than GOLD_KEEP_MONTHS out of gold, once `ecommerce_dw` is shown to hold them.

    scripts/run_archive.sh [--dry-run]
    scripts/run_archive.sh --reopen YYYY-MM      that month and all later ones are gold's again

A month goes in one transaction: lines, sums, days, and customers who bought in no other. Loads
leave it alone from then on (`jobs/gold/closed.py`). It comes back from bronze, by a forced load.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from psycopg2.errors import LockNotAvailable

from jobs.common.archived import Archive, archive
from jobs.common.contracts import DW_FACT
from jobs.common.dates import Dates, bounds, month_of, months_before
from jobs.common.db import run_file, sql_dir, transaction
from jobs.common.errors import TransientError, UsageError, WarehouseError
from jobs.common.job import Accept, JobContext, exit_code_of, run_main, say, thousands
from jobs.common.lake import ensure_tables
from jobs.common.runlog import Run, run_context
from jobs.gold import load_dw
from jobs.gold.positions import positions
from jobs.gold.postgres_load_fact import bring_up_to_date, told
from jobs.gold.publish import hold_readers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = "archive"
LOCKS = ("gold", "dw")
Figures = dict[str, Decimal]


def due(run: Run, keep: int) -> list[date]:
    """Gold's months, but for the newest `keep` of the calendar; the oldest first.

    The newest is one with lines, and not ahead of us: a wrong date must not let all others go.
    """
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month FROM pg_catalog.pg_inherits"
            " AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'public.fact_transactions'::regclass ORDER BY month"
        )
        months = [row[0] for row in cur.fetchall()]
        cur.execute(
            "SELECT least(max(month), date_trunc('month', now())::date) FROM ops.sales_by_month"
            " WHERE lines > 0"
        )
        row = cur.fetchone()
    newest = row[0] if row else None
    if newest is None or not keep:
        return []
    first = months_before(newest, keep - 1)
    return [month for month in months if month < first]


def refuse(context: JobContext, run: Run, months: list[date]) -> None:
    """Raise when the lines of these months are wanted yet.

    Raises:
        UsageError: baselines are of the whole history.
        TransientError: gold is behind bronze, or the anomaly job behind gold.
    """
    if context.settings.anomaly_baseline != "monthly":
        raise UsageError(
            "ANOMALY_BASELINE is 'all': every line is scored by the whole history",
            do="leave GOLD_KEEP_MONTHS at 0",
        )
    if not positions(context.session, run).all_taken:
        raise TransientError(
            "gold has yet to take what bronze has: it could be of these months",
            where="ops.watermarks; ops.pending_files has what the breaker holds back",
            do="scripts/run_fact_postgres.sh, then start again",
        )
    with transaction(run.conn) as cur:
        cur.execute(
            "SELECT count(*) FROM ops.sales_changes WHERE month <= %s::date + interval '12 months'",
            (months[-1],),
        )
        row = cur.fetchone()
    if row and row[0]:
        raise TransientError(
            "the anomaly job has yet to look at lines that these months are scored by",
            where="ops.sales_changes",
            do="scripts/run_detect_anomalies.sh, then start again",
        )


def figures(spark: SparkSession, run: Run, month: date) -> tuple[Figures, Figures]:
    """What gold and the lake say of a month."""
    with transaction(run.conn) as cur:
        run_file(cur, "archive/gold.sql", bounds(month))
        row = cur.fetchone() or ()
        names = [column.name for column in cur.description or ()]
    gold = dict(zip(names, map(Decimal, row), strict=True))
    text = (sql_dir() / "archive" / "lake.sql").read_text(encoding="utf-8")
    found = spark.sql(text, args={"year": month.year, "month": month.month}).first()
    assert found is not None  # noqa: S101 - an aggregate without groups gives a row
    return gold, {name: Decimal(found[name]) for name in names}


def hand_over(spark: SparkSession, run: Run, month: date) -> int:
    """See that the lake has the month as gold has it. Returns its lines.

    Raises:
        WarehouseError: the lake holds it otherwise even when it was just written.
    """
    gold, lake = figures(spark, run, month)
    if gold != lake:
        rows = load_dw.extract(spark, run.settings, DW_FACT, [month])
        load_dw.put_months(load_dw.transform(rows, DW_FACT), [month])
        gold, lake = figures(spark, run, month)
    if gold != lake:
        raise WarehouseError(
            f"the lake does not hold {month:%Y-%m} as gold does: {lake} instead of {gold}",
            where=f"{DW_FACT.full_name}; nothing of the month was removed",
            do="see whether someone writes gold or the lake by hand, then start again",
        )
    return int(gold["lines"])


def remove(run: Run, month: date) -> None:
    """Take the month out of gold: one transaction.

    Raises:
        TransientError: someone reads the fact for longer than we try.
    """
    with transaction(run.conn, "the archive of a month") as cur:
        cur.execute("SELECT ops.archive_month(%s, %s)", (month, run.run_id))
        try:
            is_held = hold_readers(cur)
            if is_held:
                cur.execute("SELECT ops.drop_empty_month(%s)", (month,))
        except LockNotAvailable:
            is_held = False
        if not is_held:
            raise TransientError(
                f"someone reads the fact for long: {month:%Y-%m} stays in gold",
                where="pg_stat_activity has who",
                do="start again when they are done",
            )


def put_away(context: JobContext, run: Run) -> None:
    """Archive what is due, the oldest month first."""
    settings, spark = context.settings, context.session
    months = due(run, settings.gold_keep_months)
    run.counts |= {"months": len(months), "lines": 0}
    if not months:
        kept = settings.gold_keep_months or "all"
        say(f"archive: nothing is due; gold keeps {kept} months (GOLD_KEEP_MONTHS)")
        return
    span = f"{len(months)} months, {months[0]:%Y-%m} to {months[-1]:%Y-%m}"
    if context.dry_run:
        say(f"archive: would take {span} out of gold")
        return
    refuse(context, run, months)
    if todo := load_dw.pending(spark, run):
        load_dw.bring_up_to_date(spark, run, todo)
    for month in months:
        lines = hand_over(spark, run, month)
        remove(run, month)
        run.counts["lines"] += lines
        say(f"archive: {month:%Y-%m}, {thousands(lines)} lines, is in {DW_FACT.full_name} alone")


def bring_back(context: JobContext, run: Run, wanted: date) -> None:
    """Load a month and all later archived ones again, from bronze: one transaction.

    Raises:
        UsageError: it is not archived.
    """
    with transaction(run.conn) as cur:
        kept = archive(cur)
    refuse_unarchived(kept, wanted)
    first = max(wanted, min(kept.runs))
    months = sum(month >= first for month in kept.runs)
    run.counts["months"] = months
    if context.dry_run:
        say(f"archive: would load {months} months again, {first:%Y-%m} to {max(kept.runs):%Y-%m}")
        return
    left = kept.before(first)
    days = Dates(left.past if left else None, kept.past - timedelta(days=1))
    bring_up_to_date(context, run, forced=days, reopen=first)
    say(f"archive: {months} months are gold's again; {told(run.counts)}")
    say("  GOLD_KEEP_MONTHS says how long they stay: the next run of this job archives them again")


def refuse_unarchived(kept: Archive, month: date) -> None:
    """Raise when the month is gold's.

    Raises:
        UsageError: it is.
    """
    if kept and month < kept.past:
        return
    words = f"gold starts with {kept.past:%Y-%m}" if kept else "no month is archived"
    raise UsageError(
        f"{month:%Y-%m} is not archived: {words}",
        where="ops.archived_months",
        do="to load days of gold again: scripts/run_fact_postgres.sh --force --from … --to …",
    )


def run(context: JobContext, reopen: date | None = None) -> Run:
    """Archive what is due or, with `reopen`, bring that month and later ones back."""
    given = {"reopen": f"{reopen:%Y-%m}"} if reopen else {}
    parameters = {"keep_months": context.settings.gold_keep_months} | given | context.parameters
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        ensure_tables(context.session, context.settings)
        if reopen is None:
            put_away(context, this)
        else:
            bring_back(context, this, reopen)
    return this


def main(
    reopen: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Load this month and later ones again.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done; change nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the locks, as scheduled runs do.")
    ] = False,
    accept: Accept = None,
) -> None:
    """Archive the months of gold that are older than it keeps."""
    months: list[date] = []
    if reopen and (code := exit_code_of(lambda: months.append(month_of(reopen, "--reopen")))):
        raise typer.Exit(code)
    wanted = months[0] if months else None
    run_main(
        *(JOB, lambda context: run(context, wanted)),
        scheduled=scheduled,
        dry_run=dry_run,
        accept=accept,
    )


if __name__ == "__main__":
    typer.run(main)
