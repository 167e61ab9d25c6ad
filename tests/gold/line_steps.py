"""What may happen to lines of the fact and to products, in random steps as the loader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

DAYS = ("2011-01-01", "2011-01-31", "2011-02-01", "2011-02-28")
LATER = "2011-03-01"
CATEGORIES = ("Kitchen", "Garden", None)
REGIONS = {250: "Europe", 276: "Europe", 392: "Asia", 554: None}
CUSTOMERS = {-1: None, 1: "C1", 2: "C2", 3: "C3"}
UPSERT = (
    "INSERT INTO fact_transactions VALUES %s ON CONFLICT (transaction_id, invoice_date) DO UPDATE"
    " SET product_sk = excluded.product_sk, customer_sk = excluded.customer_sk,"
    " country_sk = excluded.country_sk, quantity = excluded.quantity,"
    " total_amount = excluded.total_amount"
)


def a_line(chance: Random, day: str | None = None) -> tuple[Any, ...]:
    """A row of the fact; few ids, so that many are said again."""
    on = day or chance.choice(DAYS)
    quantity = chance.choice([1, 2, 5, -1, -3])
    total = quantity * Decimal(chance.choice(["0.0001", "2.5", "12.3456"]))
    return (
        *(f"{chance.randrange(12)}-1", chance.randrange(4), chance.choice(list(CUSTOMERS))),
        *(chance.choice(list(REGIONS)), int(on.replace("-", "")), "1", f"{on} 10:00Z"),
        *(quantity, 1, total, quantity < 0, 1, 1, 2),
    )


def sell(cur: Cursor, chance: Random) -> None:
    rows = [a_line(chance) for _ in range(chance.choice([1, 1, 20]))]
    distinct = {(row[0], row[6]): row for row in rows}
    execute_values(cur, UPSERT, list(distinct.values()))


def take_away(cur: Cursor, chance: Random) -> None:
    cur.execute("DELETE FROM fact_transactions WHERE country_sk = %s", (a_line(chance)[3],))


def restate(cur: Cursor, chance: Random) -> None:
    column, value = chance.choice(
        [("product_sk", 1), ("quantity", 7), ("customer_sk", 1), ("country_sk", 392),
         ("source_line", 9)]
    )  # fmt: skip
    cur.execute(
        f"UPDATE fact_transactions SET {column} = %s WHERE transaction_id < %s",
        (value, str(chance.randrange(12))),
    )
    cur.execute("UPDATE fact_transactions SET total_amount = total_amount * 2 WHERE product_sk = 2")


def move(cur: Cursor, chance: Random) -> None:
    """Lines of one day to another, often in another month; none can be in the way."""
    start, end = chance.sample(DAYS, 2)
    cur.execute(
        "UPDATE fact_transactions AS f SET invoice_date = %(to)s, date_sk = %(key)s"
        " WHERE invoice_date = %(from)s AND NOT EXISTS (SELECT FROM fact_transactions AS o"
        " WHERE o.transaction_id = f.transaction_id AND o.invoice_date = %(to)s)",
        {"from": f"{start} 10:00Z", "to": f"{end} 10:00Z", "key": int(end.replace("-", ""))},
    )


def correct(cur: Cursor, chance: Random) -> None:
    """Versions whose category, or only description, is put right."""
    cur.execute(
        "UPDATE dim_products SET description = 'x', category = CASE WHEN product_sk = any(%s)"
        " THEN %s ELSE category END",
        (chance.sample(range(4), 2), chance.choice(CATEGORIES)),
    )


def build_month(cur: Cursor, chance: Random) -> None:
    cur.execute("SELECT to_regclass('fact_transactions_2011_03') IS NULL")
    if cur.fetchone() == (True,):
        cur.execute("SELECT ops.create_fact_month(%s)", (LATER,))
        rows = {row[0]: row for row in (a_line(chance, LATER) for _ in range(15))}
        execute_values(cur, "INSERT INTO fact_transactions_2011_03 VALUES %s", list(rows.values()))
        cur.execute("SELECT ops.attach_fact_month(%s)", (LATER,))


STEPS: list[Callable[[Cursor, Random], None]] = [
    *(sell, sell, take_away, restate, move, correct, build_month),
]
