"""A shop's days, each delivered and loaded by itself, and maintenance in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.common.contracts import BRONZE_TABLES, Table
from jobs.common.runlog import Run
from jobs.maintain import maintain
from tests.support.rows import Row, country, line, product
from tests.support.warehouse import Warehouse


def sales(day: int, *more: Row) -> list[Row]:
    """Lines of a day of March: one of each product, and others."""
    at = f"2025-03-{day:02} 10:00:00"
    mine = [line(str(day), line_no=n, stock_code=f"A{n}", invoice_date=at) for n in (1, 2)]
    return [*mine, *more]


def prices(price: str) -> list[Row]:
    return [product("A1", unit_price=price), product("A2")]


FIRST = "2025-03-01 11:00:00"
SPAIN = country("Spain", country_id=724, iso_code="ES")
# Prices that come late, a line that another file says differently, one of a country yet unknown.
DAYS: list[dict[str, list[Row]]] = [
    {
        "countries_20250301": [country()],
        "products_20250301": prices("2.50"),
        "transactions_20250301T0800": sales(1, line("9", country="Spain", invoice_date=FIRST)),
    },
    {"products_20250302": prices("3.00"), "transactions_20250302T0800": sales(2)},
    {
        "countries_20250304": [country(), SPAIN],
        "products_20250303": prices("3.50"),
        "products_20250228": prices("1.00"),
        "transactions_20250303T0800": sales(3, line("1", quantity=5, invoice_date=FIRST)),
        "transactions_20250404T0800": [line("4", invoice_date="2025-04-04 09:00:00")],
    },
]
# After these: a price between others, and another word on a line of March.
NEXT = {
    "products_20250305": prices("4.00"),
    "transactions_20250405T0800": [
        line("5", invoice_date="2025-04-05 09:00:00"),
        line("2", quantity=7, invoice_date="2025-03-02 10:00:00"),
    ],
}


def deliver(warehouse: Warehouse, day: dict[str, list[Row]]) -> None:
    for name, rows in day.items():
        warehouse.deliver(name.split("_")[0], f"{name}.csv", rows)  # type: ignore[arg-type]


def live(warehouse: Warehouse, *days: dict[str, list[Row]]) -> None:
    """Days one after the other."""
    for day in days:
        deliver(warehouse, day)
        warehouse.take()


def maintained(
    warehouse: Warehouse,
    *steps: str,
    later: int = 0,
    dry_run: bool = False,
    tables: Sequence[Table] = BRONZE_TABLES,
    **changed: Any,
) -> Run:
    """Maintenance, as if so many days had gone by."""
    context = replace(warehouse.context, dry_run=dry_run, **changed)
    return maintain.run(context, steps, datetime.now(UTC) + timedelta(days=later), tables)
