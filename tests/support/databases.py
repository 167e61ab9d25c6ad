"""Gold databases on the tests' server, and what they hold in a form that can be compared."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import Any

from psycopg2 import sql

from jobs.common.db import Role, connect
from jobs.common.migrate import migrate
from jobs.common.roles import administrator, create_gold
from jobs.common.settings import Settings

_numbers = count(1)

Rows = list[tuple[Any, ...]]

# What one big load and many small ones must agree on: no batches, numbers or times of runs.
COMPARED = {
    "fact_transactions": (
        "transaction_id, product_sk, customer_sk, country_sk, date_sk, invoice_no, invoice_date,"
        " quantity, unit_price, total_amount, is_return, file_key, source_line"
    ),
    "dim_products": "*",
    "dim_customers": "*",
    "dim_countries": "*",
    "dim_dates": "*",
    "transactions_error WHERE status = 'OPEN'": (
        "error_id, transaction_id, raw::text, rules, source_file, source_line, file_key"
    ),
    "anomalies WHERE still_flagged": (
        "transaction_id, stock_code, quantity, median_qty, std_deviation, z_score, threshold,"
        " baseline_month, invoice_date, status"
    ),
    "ops.sales_by_month WHERE lines <> 0": (
        "concat_ws('|', stock_code, category), month, lines, sales_lines, units, revenue"
    ),
    "ops.sales_by_buyer WHERE lines <> 0": "*",
    "ops.sales_by_day WHERE lines <> 0": "*",
}


def make(settings: Settings) -> Settings:
    """A new gold database, migrated; the settings that point to it."""
    ours = settings.model_copy(update={"gold_db": f"gold_{next(_numbers)}"})
    create_gold(ours)
    migrate(ours)
    return ours


def drop(settings: Settings) -> None:
    """Remove a gold database, whoever is connected."""
    with administrator(settings, "postgres") as admin, admin.cursor() as cur:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        cur.execute(statement.format(sql.Identifier(settings.gold_db)))


def query(settings: Settings, statement: str, *values: Any, role: Role = "owner") -> Rows:
    """The rows of a statement, in a transaction of its own; none when it gives none."""
    with closing(connect(settings, role)) as conn, conn, conn.cursor() as cur:
        cur.execute(statement, values or None)
        return cur.fetchall() if cur.description else []


def state(settings: Settings) -> dict[str, Rows]:
    """What gold tells its readers, table by table, each sorted, of rows that sets take."""
    return {
        table: [
            _hashable(row)
            for row in query(settings, f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        ]
        for table, columns in COMPARED.items()
    }


def _hashable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lists in it (the rules that were broken) as tuples."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
