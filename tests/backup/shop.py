"""A small shop in an empty warehouse: prices that change, a bad line, a return, a refused file."""

from __future__ import annotations

from jobs.analytics import detect_anomalies
from jobs.common.contracts import BRONZE_TABLES
from jobs.gold import load_dw
from tests.support.databases import Rows
from tests.support.rows import Row, country, line, product
from tests.support.warehouse import Warehouse

NEXT = "transactions_20250304T0800.csv"
PROPERTY = "warehouse.built-from"


def open_shop(warehouse: Warehouse) -> None:
    """Two price lists, loaded one by one; gold, anomalies and the star in the lake."""
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    warehouse.deliver("products", "products_20250301.csv", [product(), product("B2")])
    warehouse.take()
    warehouse.deliver("products", "products_20250303.csv", [product(unit_price="3.00")])
    lines = [line(), line(line_no=2, quantity=-1), line(line_no=3, country="Nowhere")]
    warehouse.deliver("transactions", "transactions_20250303T0800.csv", lines)
    warehouse.take()
    detect_anomalies.run(warehouse.context)
    load_dw.run(warehouse.context)
    refused = warehouse.landing / "rejected" / "products"
    refused.mkdir(parents=True)
    (refused / "products_20250302.csv").write_text("not a price list\n")
    (warehouse.landing / "transactions" / "odd name.txt").write_text("waits\n")


def next_file() -> list[Row]:
    """What arrives after the backup: a new line, and another word on a loaded one."""
    day = "2025-03-04 09:00:00"
    return [line("500002", invoice_date=day), line(quantity=7, invoice_date=day)]


def bronze(warehouse: Warehouse, database: str = "ecommerce_db") -> dict[str, Rows]:
    """All rows of bronze, sorted."""
    return {
        table.name: sorted(
            map(tuple, warehouse.spark.table(f"{database}.{table.name}").collect()), key=repr
        )
        for table in BRONZE_TABLES
    }


def history(warehouse: Warehouse, table: str) -> list[int]:
    """The snapshots that a table can be read at, oldest first."""
    rows = warehouse.spark.sql(f"SELECT snapshot_id FROM {table}.snapshots ORDER BY committed_at")
    return [row[0] for row in rows.collect()]
