"""One Postgres transaction: from what a run staged to what readers see.

Everything here happens in the caller's transaction, so a reader sees the old state or the
new one, and a run that dies leaves gold as it was.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from jobs.common.checks import Check
from jobs.common.contracts import PRODUCTS as BRONZE_PRODUCTS
from jobs.common.dates import bounds, spans
from jobs.common.db import run_file
from jobs.common.erased import any_erased
from jobs.gold.breaker import remember_days
from jobs.gold.held import find_held
from jobs.gold.staging import COUNTRIES, LINES, PRODUCTS, StagingTable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.runlog import Run
    from jobs.gold.staged import Staged

# Of the customers whose sums a load checks: what they ever bought grows with the years.
LINES_SAMPLED = 1000


def merge(cur: Cursor, run: Run, staged: Staged) -> list[Check]:
    """Apply what was staged. Returns the checks, for the caller to judge and keep."""
    params: dict[str, Any] = {
        "batch_id": run.run_id,
        "products_staged": staged.products,
        "countries_staged": staged.countries,
        "forced": staged.forced is not None,
        "everything": staged.everything,
        "since": staged.since or date.min,
    }
    cur.execute("SET LOCAL hash_mem_multiplier = 4")  # millions of ids are grouped, not sorted
    remember_days(cur)
    open_views(cur, run, staged)
    if any_erased(cur):
        run_file(cur, "load/05_erased.sql")
    if staged.reopened:
        run_file(cur, "load/07_reopen.sql", params | {"reopened": staged.reopened})
    _take_dimensions(cur, staged, params)
    find_held(cur, staged.line_count)
    run_file(cur, "load/20_resolve.sql", params)
    run_file(cur, "load/22_winners.sql", {"any_lost": cur.fetchone() == (True,)})
    if staged.forced is not None:
        run_file(cur, "load/25_put_right.sql", params)
    known, new = _tally(cur)
    params["known_months"] = _numbers(known)
    run_file(cur, "load/28_changes.sql", params)
    run_file(cur, "load/30_members.sql")
    _settle_replaced(cur)
    run_file(cur, "load/35_known_months.sql", params)
    written = cur.rowcount
    if new:
        written += _build_months(cur, run, new)
        run_file(cur, "load/38_new_months.sql", {"new_months": _numbers(new)})
    run_file(cur, "load/40_settle.sql", params)
    if staged.reopened:
        run_file(cur, "load/45_reopened.sql", params)
    _move_watermarks(cur, run, staged)
    _note_lists(cur, run, staged)
    counts = _count(cur)
    run.counts |= counts | {"loaded": written - counts["restated"], "files": len(staged.files)}
    run.counts["error_by_rule"] = _errors_by_rule(cur, run)
    return [
        *_accounting(run, staged),
        *_chain_checks(cur, staged),
        *_strange_lines(cur, staged),
        _sums_check(cur, run),
    ]


def open_views(cur: Cursor, run: Run, staged: Staged) -> None:
    """Fixed names for this run's staging, so that the SQL files need no templates."""
    for table, there in ((LINES, True), (PRODUCTS, staged.products), (COUNTRIES, staged.countries)):
        view = sql.Identifier(f"staged_{table.kind}")
        body = _rows_of(table, run) if there else _no_rows(table)
        cur.execute(sql.SQL("CREATE TEMP VIEW {} AS {}").format(view, body))
    cur.execute(
        "CREATE TEMP TABLE staged_files (file_sha256 text, file_key bigint, source_file text,"
        " window_start timestamptz, line_count integer) ON COMMIT DROP"
    )
    execute_values(
        cur,
        "INSERT INTO staged_files VALUES %s",
        [(f.sha256, f.file_key, f.name, f.window_start, f.line_count) for f in staged.files],
    )
    cur.execute(
        "CREATE TEMP TABLE settled_ids (transaction_id text, archived_by bigint) ON COMMIT DROP"
    )
    execute_values(cur, "INSERT INTO settled_ids VALUES %s", staged.archived_ids)


def close_views(cur: Cursor) -> None:
    """Drop the fixed names again; temp views outlive a transaction."""
    cur.execute("DROP VIEW IF EXISTS winners, staged_lines, staged_products, staged_countries")


def _take_dimensions(cur: Cursor, staged: Staged, params: dict[str, Any]) -> None:
    """Files and dimensions; the first product versions come in without their keys."""
    are_aside = staged.products and _put_product_keys_aside(cur)
    run_file(cur, "load/10_files_and_dimensions.sql", params)
    if are_aside:
        cur.execute("SELECT ops.put_product_keys_back()")
    if staged.products and staged.since is None:
        cur.execute("ANALYZE dim_products")


def _put_product_keys_aside(cur: Cursor) -> bool:
    cur.execute("SELECT ops.put_product_keys_aside()")
    return cur.fetchone() == (True,)


def _rows_of(table: StagingTable, run: Run) -> sql.Composable:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    return sql.SQL("SELECT {} FROM staging.{}").format(columns, sql.Identifier(table.name(run)))


def _no_rows(table: StagingTable) -> sql.Composable:
    columns = sql.SQL(", ").join(
        sql.SQL("NULL::{} AS {}").format(sql.SQL(kind), sql.Identifier(name))
        for name, kind in table.columns
    )
    return sql.SQL("SELECT {} WHERE false").format(columns)


def _tally(cur: Cursor) -> tuple[list[date], list[date]]:
    """Read the winners once, into `tally`. Returns their months: known ones, and new ones."""
    run_file(cur, "load/27_tally.sql")
    rows = cur.fetchall()
    return [m for m, there in rows if there], [m for m, there in rows if not there]


def _settle_replaced(cur: Cursor) -> None:
    """What the fact has of lines that went, moved, or are said again; most loads have none."""
    cur.execute(
        "SELECT DISTINCT date_trunc('month', r.invoice_date AT TIME ZONE 'UTC')::date AS month"
        " FROM replaced AS r WHERE r.same OR NOT r.stays ORDER BY month"
    )
    for span in spans([row[0] for row in cur.fetchall()]):
        run_file(cur, "load/33_replaced.sql", span)


def _numbers(months: list[date]) -> list[int]:
    return [month.year * 100 + month.month for month in months]


def _build_months(cur: Cursor, run: Run, months: list[date]) -> int:
    """Build months aside: rows first, keys set-wise, then attach. Returns their number of lines."""
    run.counts["new_months"] = len(months)
    cur.execute("SELECT ops.create_fact_months(%s::date[])", (months,))
    cur.execute(
        "INSERT INTO staging.new_months SELECT transaction_id, product_sk, customer_sk, country_sk,"
        " date_sk, invoice_no, invoice_date, quantity, unit_price, total_amount, quantity < 0,"
        " %s, file_key, source_line FROM winners WHERE rules IS NULL AND date_sk / 100 = ANY(%s)",
        (run.run_id, _numbers(months)),
    )
    written = cur.rowcount
    cur.execute("SELECT ops.attach_fact_months(%s::date[])", (months,))
    return written


def _move_watermarks(cur: Cursor, run: Run, staged: Staged) -> None:
    modes = {BRONZE_PRODUCTS.full_name: staged.mode}
    for name, snapshot in staged.snapshots.items():
        cur.execute(
            "INSERT INTO ops.watermarks (table_name, snapshot_id, batch_id, mode)"
            " VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (table_name) DO UPDATE SET snapshot_id = excluded.snapshot_id,"
            " batch_id = excluded.batch_id, mode = excluded.mode",
            (name, snapshot, run.run_id, modes.get(name)),
        )


def _note_lists(cur: Cursor, run: Run, staged: Staged) -> None:
    execute_values(
        cur,
        "INSERT INTO ops.loaded_snapshots"
        " (dataset, snapshot_date, file_sha256, source_file, row_count, batch_id) VALUES %s"
        " ON CONFLICT DO NOTHING",
        [
            (x.dataset, x.snapshot_date, x.sha256, x.name, x.row_count, run.run_id)
            for x in staged.lists
        ],
    )


def _count(cur: Cursor) -> dict[str, int]:
    run_file(cur, "load/90_counts.sql")
    assert cur.description is not None  # noqa: S101 - it is a SELECT
    row = cur.fetchone()
    return dict(zip((c.name for c in cur.description), row or (), strict=True))


def _errors_by_rule(cur: Cursor, run: Run) -> dict[str, int]:
    cur.execute(
        "SELECT rule, count(*) FROM transactions_error AS e CROSS JOIN unnest(e.rules) AS rule"
        " WHERE e.batch_id = %s AND e.status = 'OPEN' GROUP BY rule ORDER BY rule",
        (run.run_id,),
    )
    return dict(cur.fetchall())


def _accounting(run: Run, staged: Staged) -> list[Check]:
    c = run.counts
    ends = c["loaded"] + c["unchanged"] + c["superseded"] + c["error"]
    in_bronze = sum(f.line_count for f in staged.files)
    return [
        Check(
            "every_line_accounted_for",
            "fail",
            c["rows_in"] == ends,
            f"{ends:,}",
            f"{c['rows_in']:,}",
        ),
        Check(
            "staged_all_of_bronze",
            "fail",
            c["rows_in"] == in_bronze,
            f"{c['rows_in']:,}",
            f"{in_bronze:,}",
        ),
    ]


def _strange_lines(cur: Cursor, staged: Staged) -> list[Check]:
    """Of a forced load: lines of its days that no line of bronze backs."""
    if staged.forced is None:
        return []
    cur.execute(
        "SELECT count(*) FROM fact_transactions AS f"
        " WHERE f.invoice_date >= coalesce(%s::date, '-infinity')::timestamp AT TIME ZONE 'UTC'"
        " AND f.invoice_date < (coalesce(%s::date, 'infinity') + 1)::timestamp AT TIME ZONE 'UTC'"
        " AND NOT EXISTS (SELECT FROM staged_lines AS l WHERE l.transaction_id = f.transaction_id)",
        (staged.forced.first, staged.forced.last),
    )
    row = cur.fetchone()
    strange = row[0] if row else 0
    return [Check("every_line_is_of_bronze", "warn", strange == 0, f"{strange:,}", "0")]


def _chain_checks(cur: Cursor, staged: Staged) -> list[Check]:
    """Of the products whose versions were staged; the others' are as they were."""
    if not staged.products:
        return []
    cur.execute(
        "SELECT count(*) FROM (SELECT end_date, withdrawn, lead(effective_date) OVER"
        " (PARTITION BY stock_code ORDER BY effective_date) AS following FROM dim_products"
        " WHERE %s OR stock_code IN (SELECT stock_code FROM staged_products)) AS v"
        " WHERE end_date > following OR (NOT withdrawn AND end_date IS DISTINCT FROM following)",
        (staged.since is None,),
    )
    row = cur.fetchone()
    broken = row[0] if row else 0
    return [Check("product_versions_do_not_overlap", "fail", broken == 0, f"{broken:,}", "0")]


def _sums_check(cur: Cursor, run: Run) -> Check:
    """Whether the sums that Postgres keeps for the views follow the lines; a warning, since
    lines are right either way and a forced load computes the sums anew.
    """
    run_file(cur, "load/94_sums_sampled.sql", {"batch_id": run.run_id})
    for (month,) in cur.fetchall():
        run_file(cur, "load/95_sums_lines.sql", bounds(month))
    run_file(cur, "load/96_sums.sql", {"batch_id": run.run_id, "few": LINES_SAMPLED})
    row = cur.fetchone()
    wrong = row[0] if row else 0
    return Check("sums_are_of_the_lines", "warn", wrong == 0, f"{wrong:,}", "0")
