"""A tiny shop whose figures are plain to see: every line is of 2 pieces at 1.25."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.rows import country, csv_text, line, product

FIRST = datetime(2024, 3, 1)
LINES_A_FILE = 40
LINE_TOTAL = Decimal("2.50")
CODES = [f"P{number}" for number in range(1, 6)]


def products(directory: Path) -> Path:
    """The price list of the first day."""
    rows = [product(code, unit_price="1.25") for code in CODES]
    return _written(directory / f"products_{FIRST:%Y%m%d}.csv", csv_text("products", rows))


def countries(directory: Path) -> Path:
    """One country."""
    return _written(
        directory / f"countries_{FIRST:%Y%m%d}.csv", csv_text("countries", [country("France")])
    )


def transactions(directory: Path, number: int, lines: int = LINES_A_FILE) -> Path:
    """The file of the `number`-th window, from 0."""
    window = FIRST + timedelta(hours=4 * number)
    rows = [
        line(
            f"{number}{position:03}",
            stock_code=CODES[position % len(CODES)],
            quantity=2,
            invoice_date=f"{window + timedelta(minutes=position % 240):%Y-%m-%d %H:%M:%S}",
            customer_id=f"C{position % 7}",
        )
        for position in range(lines)
    ]
    name = f"transactions_{window:%Y%m%dT%H%M}.csv"
    return _written(directory / name, csv_text("transactions", rows))


def totals(lines: int) -> tuple[int, Decimal]:
    """Number and revenue of so many lines."""
    return lines, lines * LINE_TOTAL


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
