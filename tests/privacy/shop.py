"""A shop with three customers, one of whom is erased, and how to look for someone in it.

The looking is the tests' own: it reads files and tables as they lie, without the code under test.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from psycopg2 import sql

from jobs.common.errors import BadInput
from jobs.gold import load_dw
from tests.support.databases import query
from tests.support.rows import HEADERS, country, csv_text, line, product
from tests.support.warehouse import Warehouse

ANN = "KX77-0451"  # is erased
BEA = "KX77-04512"  # has a number that begins with hers
CLEO = "CLEO-19"
FIRST = "transactions_20250303T0800.csv"
SECOND = "transactions_20250403T0800.csv"
WAITING = "transactions_20250403T1200.csv"
NO_HEADER = "transactions_20250303T1200.csv"
APRIL = "2025-04-03 09:00:00"
SHORT = f"500006,1,A1,2025-03-03 10:00:00,{ANN},France\n"


def first_file() -> str:
    """Good lines, a return, lines in error: readable, of an unknown country, and too short."""
    rows = [
        line("500001", customer_id=ANN, quantity=2),
        line("500001", line_no=2, customer_id=ANN, quantity=-1),
        line("500002", customer_id=BEA, quantity=3),
        line("500003", customer_id=""),
        line("500004", customer_id=ANN, country="Nowhere"),
        line("500005", customer_id=ANN, quantity="x"),
        line("500007", customer_id=BEA, country="Nowhere"),
        line("500008", customer_id=BEA, quantity="y"),
        line("500009", customer_id=CLEO, quantity=5),
    ]
    return csv_text("transactions", rows) + SHORT


def second_file() -> str:
    """A month later."""
    rows = [
        line("500010", customer_id=ANN, quantity=4, invoice_date=APRIL),
        line("500011", customer_id=BEA, invoice_date=APRIL),
    ]
    return csv_text("transactions", rows)


def open_shop(warehouse: Warehouse) -> None:
    """Everything that can hold a customer, loaded; and files that are not."""
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    warehouse.deliver("products", "products_20250301.csv", [product()])
    warehouse.deliver("transactions", FIRST, first_file())
    warehouse.ingest()
    warehouse.deliver("transactions", SECOND, second_file())
    headless = first_file().partition("\n")[2]
    warehouse.deliver("transactions", NO_HEADER, headless)
    refused(warehouse)
    warehouse.load()
    load_dw.run(warehouse.context)
    waiting = [line("500012", customer_id=ANN, quantity=6, invoice_date=APRIL)]
    warehouse.deliver("transactions", WAITING, waiting)
    warehouse.deliver("transactions", "sent by hand.txt", f'"{ANN}", asked for a refund\n')
    leave_behind(warehouse)


def refused(warehouse: Warehouse) -> None:
    """Ingest; a file without a header is refused."""
    with pytest.raises(BadInput, match="refused"):
        warehouse.ingest()


def leave_behind(warehouse: Warehouse) -> None:
    """A data file that a writer left when it was killed: no state of the table names it."""
    lake = Path(warehouse.settings.lake.removeprefix("file://")) / "ecommerce_db.db"
    source = next(iter(sorted((lake / "transactions_raw").rglob("*.parquet"))))
    source.with_name("00000-0-left-behind.parquet").write_bytes(source.read_bytes())


def named(number: str) -> re.Pattern[bytes]:
    """A number as a whole."""
    return re.compile(rb"(?<![\w-])" + re.escape(number.encode()) + rb"(?!\w)")


def holders(warehouse: Warehouse, number: str) -> set[str]:
    """Files of the lake's three tables and of landing that have the number in them."""
    lake = Path(warehouse.settings.lake.removeprefix("file://"))
    roots = [
        lake / "ecommerce_db.db" / "transactions_raw",
        *(lake / "ecommerce_dw.db" / name for name in ("dim_customers", "fact_transactions")),
        warehouse.landing,
    ]
    wanted = named(number)
    return {
        str(path.relative_to(root.parent))
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and any(wanted.search(part) for part in contents(path))
    }


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes; of compressed kinds, what is in them."""
    if path.suffix == ".parquet":
        for column in pq.ParquetFile(path).read().columns:  # type: ignore[no-untyped-call]
            yield b"\n".join(str(v).encode() for v in column.to_pylist())
    elif path.suffix == ".avro":
        yield from _blocks(path.read_bytes())
    yield path.read_bytes()


def _blocks(data: bytes) -> Iterator[bytes]:
    """Blocks of an Avro container, inflated: each ends in the file's 16-byte marker."""
    for block in data.split(data[-16:])[1:-1]:
        start = 0
        for _ in ("records", "bytes"):  # numbers of variable length
            while block[start] & 0x80:
                start += 1
            start += 1
        yield zlib.decompress(block[start:], -15)


def columns_with(warehouse: Warehouse, number: str, key: int) -> set[str]:
    """Columns of gold that hold a number in a text, or a key as a value."""
    found = (
        "SELECT n.nspname, c.relname, a.attname, a.atttypid::regtype::text"
        " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'ops', 'staging') AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
    )
    held = set()
    for schema, table, column, kind in query(warehouse.settings, found):
        place = sql.SQL("SELECT count(*) FROM {}.{} WHERE {}::text ").format(
            *map(sql.Identifier, (schema, table, column))
        )
        is_key = kind == "bigint"
        statement = place + sql.SQL("= %s" if is_key else "~ %s")
        value = str(key) if is_key else rf"(?<![\w-]){number}(?!\w)"
        if _count(warehouse, statement, value):
            held.add(f"{'' if schema == 'public' else schema + '.'}{table}.{column}")
    return held


def _count(warehouse: Warehouse, statement: Any, value: str) -> int:
    return int(query(warehouse.settings, statement, value)[0][0])


def rows_of(warehouse: Warehouse) -> dict[str, Any]:
    """What is told of lines: transaction → customer, units, amount."""
    found = warehouse.gold_rows(
        "SELECT f.transaction_id, c.customer_id, f.quantity, f.total_amount::text, f.file_key"
        " FROM fact_transactions AS f JOIN dim_customers AS c USING (customer_sk)"
    )
    return {row[0]: row[1:] for row in found}


def everything(warehouse: Warehouse, but: Callable[[Path], bool] = lambda _: False) -> Any:
    """All of gold but runs, and the bytes of landing and the lake."""
    roots = (warehouse.landing, Path(warehouse.settings.lake.removeprefix("file://")))
    files = {str(p): p.read_bytes() for r in roots for p in r.rglob("*") if p.is_file()}
    return warehouse.gold_state(), {k: v for k, v in files.items() if not but(Path(k))}


HEADER = ",".join(HEADERS["transactions"])
