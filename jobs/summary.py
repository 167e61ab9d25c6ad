"""What the warehouse holds after a run, for the person who ran it: `python -m jobs.summary`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.table import Table

from jobs.common.db import connect, transaction
from jobs.common.job import console, exit_code_of, say, thousands
from jobs.common.settings import Settings, get_settings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

TOTALS = """
SELECT
    (SELECT count(*) FROM ops.loaded_files) AS files,
    (SELECT coalesce(sum(line_count), 0) FROM ops.loaded_files) AS rows_in,
    (SELECT count(*) FROM fact_transactions) AS loaded,
    (SELECT count(*) FROM transactions_error WHERE status = 'OPEN') AS errors,
    (SELECT count(*) FROM transactions_error WHERE status = 'DISCARDED') AS discarded,
    (SELECT count(*) FROM dim_products) AS versions,
    (SELECT count(DISTINCT stock_code) FROM dim_products) AS products,
    (SELECT count(*) FROM dim_customers WHERE customer_sk <> -1) AS customers,
    (SELECT count(*) FROM anomalies WHERE still_flagged) AS flagged,
    (SELECT sum(unscored) FROM v_anomaly_coverage) AS unscored,
    (SELECT coalesce(sum(revenue), 0) FROM v_revenue_by_month) AS revenue,
    (SELECT count(*) FROM ops.rejected_rows) AS rejected,
    (SELECT coalesce(sum(lines), 0) FROM ops.archived_months) AS archived,
    (SELECT count(*) FROM ops.mail_outbox WHERE status = 'SENT') AS mails
"""


def totals(cur: Cursor) -> dict[str, Any]:
    """Counts over the whole of gold."""
    cur.execute(TOTALS)
    row = cur.fetchone()
    return dict(zip((c.name for c in cur.description or ()), row or (), strict=True))


def errors_by_rule(cur: Cursor) -> list[tuple[str, int]]:
    """Open errors by rule; a line may have broken several."""
    cur.execute(
        "SELECT rule, count(*) FROM transactions_error AS e CROSS JOIN unnest(e.rules) AS rule"
        " WHERE e.status = 'OPEN' GROUP BY rule ORDER BY rule"
    )
    return cur.fetchall()


def latest_report(settings: Settings) -> list[dict[str, Any]]:
    """What the last chain did."""
    reports = sorted((settings.home / "logs" / "pipeline").glob("*.json"))
    outcomes: list[dict[str, Any]] = json.loads(reports[-1].read_text()) if reports else []
    return outcomes


def was_news(outcomes: list[dict[str, Any]]) -> bool:
    """Whether the last chain took in anything."""
    return any(
        o["counts"].get("files") or o["counts"].get("rows_in") for o in outcomes if o["job"] != "dw"
    )


def figures(held: dict[str, Any], rules: list[tuple[str, int]]) -> Table:
    """The totals as a table."""
    table = Table(title="What gold holds", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    other = held["rows_in"] - sum(
        held[name] for name in ("loaded", "archived", "errors", "discarded")
    )
    rows = [
        ("transaction files taken", held["files"]),
        ("lines in", held["rows_in"]),
        ("  loaded", held["loaded"]),
        *([("  archived", held["archived"])] if held["archived"] else []),
        ("  in error", held["errors"]),
        *((f"    {rule}", count) for rule, count in rules),
        ("  discarded by a person", held["discarded"]),
        ("  said twice, the latest counts", other),
        ("product versions", held["versions"]),
        ("  of products", held["products"]),
        ("rejected master rows", held["rejected"]),
        ("customers", held["customers"]),
        ("odd order lines", held["flagged"]),
        ("  sales lines with too little history", int(held["unscored"] or 0)),
        ("mails sent", held["mails"]),
    ]
    for label, value in rows:
        table.add_row(label, thousands(int(value)))
    table.add_row("revenue, net of returns", f"{held['revenue']:,.2f}")
    return table


def whereabouts(settings: Settings) -> list[str]:
    """Where things are, and what to type next."""
    home = settings.home
    server = f"{settings.gold_host}:{settings.gold_port}"
    database = f"{server}/{settings.gold_db} as {settings.gold_reader_user}"
    return [
        f"database  {database}; password in {home}/embedded.env",
        f"mail      {home}/mail (make mail lists it)",
        f"logs      {home}/logs",
        "",
        "Next:",
        '  scripts/gold_sql.sh "SELECT * FROM v_top_buyers_by_region WHERE rank = 1"',
        '  scripts/gold_sql.sh "SELECT rules, raw FROM transactions_error LIMIT 5"',
        '  scripts/gold_sql.sh "SELECT * FROM v_anomaly_coverage ORDER BY month"',
        "  scripts/run_review_anomaly.sh --help",
        "  make demo      again: finds nothing new, changes nothing",
        "  make down      stops what was started",
    ]


def show(settings: Settings) -> None:
    """Print the summary."""
    conn = connect(settings, "loader")
    try:
        with transaction(conn) as cur:
            held, rules = totals(cur), errors_by_rule(cur)
    finally:
        conn.close()
    outcomes = latest_report(settings)
    say("")
    if outcomes and not was_news(outcomes):
        say("Nothing new: no file waited, and gold was up to date.")
    console.print(figures(held, rules))
    for line in whereabouts(settings):
        say(line)


if __name__ == "__main__":
    sys.exit(exit_code_of(lambda: show(get_settings())))
