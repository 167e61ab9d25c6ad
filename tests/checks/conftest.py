"""A loaded warehouse in which all is right, until a test breaks something."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.rows import country, csv_text, line, product
from tests.support.warehouse import Warehouse


@pytest.fixture(scope="module")
def right(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Two price lists, three transaction logs, a line said twice, errors of each rule."""
    warehouse = new_warehouse()
    deliver = warehouse.deliver
    for day, price in (("20250301", "2.50"), ("20250303", "3.00")):
        rows = [product("A1", unit_price=price), product("B2", unit_price="1.00")]
        deliver("products", f"products_{day}.csv", rows)
    deliver("countries", "countries_20250301.csv", [country()])
    said_first = [
        line("twice", invoice_date="2025-03-03 05:00:00", quantity=9),
        line("on the 2nd", invoice_date="2025-03-02 10:00:00", customer_id="Çelik"),
        line("on the 3rd"),
        line("Narnia", country="Narnia"),
        line("unlisted", stock_code="Z9", country="Narnia"),
        line("malformed", quantity=0),
    ]
    text = csv_text("transactions", said_first) + "no record at all\n"
    deliver("transactions", "transactions_20250303T0400.csv", text)
    again = line("twice", invoice_date="2025-03-04 05:00:00")
    deliver("transactions", "transactions_20250304T0000.csv", [again])
    guest = line("guest", stock_code="B2", customer_id="", quantity=-3,
                 invoice_date="2025-04-01 00:00:00")  # fmt: skip
    deliver("transactions", "transactions_20250401T0000.csv", [guest])
    warehouse.take()
    return warehouse
