"""A shop's daily price lists, told from what its invoice lines were charged."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TypeVar

from generators.categories import categorise
from generators.landing import PRODUCT_COLUMNS, csv_record
from generators.retail_source import RetailLine

Ordered = TypeVar("Ordered", str, Decimal)


class Votes:
    """What a day's priced lines say of one stock code: lines per price and per description."""

    __slots__ = ("descriptions", "prices")

    def __init__(self) -> None:
        self.prices: dict[Decimal, int] = {}
        self.descriptions: dict[str, int] = {}

    def add(self, price: Decimal, description: str) -> None:
        """Count one priced line; an empty description has no vote."""
        self.prices[price] = self.prices.get(price, 0) + 1
        if description:
            self.descriptions[description] = self.descriptions.get(description, 0) + 1


class PriceLists:
    """Gathers lines in any order; gives a full product snapshot for every day with a line."""

    def __init__(self) -> None:
        self._days: dict[date, dict[str, Votes]] = defaultdict(lambda: defaultdict(Votes))

    def add(self, line: RetailLine) -> None:
        """Take in a line, priced or not: either way its day gets a snapshot."""
        votes = self._days[line.moment.date()]
        if line.price and line.stock_code and is_priced(line.invoice_no, line.price):
            votes[line.stock_code].add(line.price, line.description)

    def snapshots(self, last_day: date) -> Iterator[tuple[date, bytes]]:
        """(day, product snapshot) by day, up to `last_day`; none before the first priced line."""
        descriptions: dict[str, str] = {}
        records: dict[str, str] = {}
        for day in sorted(day for day in self._days if day <= last_day):
            for code, votes in self._days[day].items():
                description = most_common(votes.descriptions, descriptions.get(code, ""))
                descriptions[code] = description
                records[code] = _record(code, description, most_common(votes.prices))
            if records:
                listed = "".join(records[code] for code in sorted(records))
                yield day, (csv_record(PRODUCT_COLUMNS) + listed).encode()


def is_priced(invoice_no: str, price: Decimal) -> bool:
    """Whether a line tells the list price: no cancellation (C), no adjustment (A), above 0."""
    return price > 0 and not invoice_no.startswith(("C", "A"))


def most_common(votes: dict[Ordered, int], default: Ordered | None = None) -> Ordered:
    """The value with most votes, the lowest of equals (text: by code point)."""
    if not votes and default is not None:
        return default
    most = max(votes.values())
    return min(value for value, count in votes.items() if count == most)


def _record(code: str, description: str, price: Decimal) -> str:
    return csv_record((code, description, categorise(description), price_text(price)))


def price_text(price: Decimal) -> str:
    """A price with a point and no more places than it needs."""
    return f"{price.normalize():f}"
