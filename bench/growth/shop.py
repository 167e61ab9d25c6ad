"""A shop whose any line of any month is told by a formula, alike in Python, Spark SQL and Postgres.

Half a million lines a month, evenly over its 4-hour windows; a price list a day of 4,000 products,
a fifteenth of them with a new price; 20,000 customers of whom a tenth are others each month; a
fifth of the invoices of guests, one in 50 a cancellation; one line in 50 of twenty times the
usual quantity; one in 500 of a country that nobody knows.
"""

from __future__ import annotations

import csv
import io
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from generators.landing import (
    PRODUCT_COLUMNS,
    TRANSACTION_COLUMNS,
    CsvText,
    LandingFile,
    products_file,
    transactions_file,
)

LINES = 500_000  # a month
INVOICE = 20  # lines of an invoice
PRODUCTS = 4_000
PRICED = 15  # days that a price holds
CUSTOMERS, NEWCOMERS = 20_000, 2_000  # of a month; of them, first seen in it
WINDOW = 4 * 3600
LAST = date(2024, 11, 1)
NOWHERE = "Narnia"


@dataclass(frozen=True)
class Month:
    """A month of the shop, `number` since January 2000."""

    number: int

    @property
    def first(self) -> date:
        return date(2000 + self.number // 12, self.number % 12 + 1, 1)

    @property
    def start(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def seconds(self) -> int:
        return monthrange(self.first.year, self.first.month)[1] * 86_400

    @property
    def windows(self) -> int:
        return self.seconds // WINDOW

    def window_start(self, window: int) -> datetime:
        """When a window begins."""
        return self.start + timedelta(seconds=window * WINDOW)

    def lines_before(self, window: int) -> int:
        """How many lines the windows before this one have."""
        wanted = window * WINDOW
        invoice = next(n for n in _from(wanted * LINES // self.seconds) if self.second(n) >= wanted)
        return min(invoice * INVOICE, LINES)

    def second(self, invoice: int) -> int:
        """When the month's nth invoice is written, in seconds since the month began."""
        return invoice * INVOICE * self.seconds // LINES


def _from(line: int) -> Iterator[int]:
    invoice = max(line // INVOICE - 1, 0)
    while True:
        yield invoice
        invoice += 1


def month_of(day: date) -> Month:
    """The month of a day."""
    return Month((day.year - 2000) * 12 + day.month - 1)


def months(count: int) -> list[Month]:
    """So many months, the last one last."""
    last = month_of(LAST).number
    return [Month(n) for n in range(last - count + 1, last + 1)]


def log(month: Month, window: int, countries: list[str]) -> LandingFile:
    """The transaction log of a window."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TRANSACTION_COLUMNS)
    for n in range(month.lines_before(window), month.lines_before(window + 1)):
        writer.writerow(_line(month, n, countries))
    return transactions_file(month.window_start(window), text.getvalue().encode())


def _line(month: Month, n: int, countries: list[str]) -> tuple[object, ...]:
    invoice = n // INVOICE
    product = n * 1471 % PRODUCTS
    nth = n // PRODUCTS
    units = (1 + (nth * 5 + product) % 12) * (20 if (nth + product) % 50 == 3 else 1)
    cancels = invoice % 50 == 0
    number = f"{'C' if cancels else ''}{10_000_000 + month.number * LINES // INVOICE + invoice}"
    customer = f"C{month.number * NEWCOMERS + invoice * 37 % CUSTOMERS}" if invoice % 5 else ""
    country = NOWHERE if n % 500 == 7 else countries[invoice % len(countries)]
    when = f"{month.start + timedelta(seconds=month.second(invoice)):%Y-%m-%d %H:%M:%S}"
    code = f"P{product:04d}"
    return number, n % INVOICE + 1, code, -units if cancels else units, when, customer, country


def price_list(day: date) -> LandingFile:
    """The price list of a day."""
    return _listed(day, [_price(product, day) for product in range(PRODUCTS)])


def late_price_list(day: date, before: date, product: int) -> LandingFile:
    """The list of a day that had none: prices of the day before that, but for one product."""
    prices = [_price(n, before) for n in range(PRODUCTS)]
    prices[product] = "77.77"
    return _listed(day, prices)


def _listed(day: date, prices: list[str]) -> LandingFile:
    text = CsvText(PRODUCT_COLUMNS)
    for product, price in enumerate(prices):
        text.append((f"P{product:04d}", f"THING {product}", f"Category {product % 14}", price))
    return products_file(day, text.content())


def _price(product: int, day: date) -> str:
    changes = (day.toordinal() + product) // PRICED
    cents = 100 + (product * 13 + changes * 29) % 900
    return f"{cents // 100}.{cents % 100:02d}"
