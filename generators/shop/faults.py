"""What goes wrong with the shop's lines, each at its rate, each on a line of its own.

A fault stands on a transaction_id that occurs once, so no rule about equal ids blurs its answer.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Final

import numpy as np

from generators.landing import TRANSACTION_COLUMNS
from generators.shop.catalogue import Product
from generators.shop.countries import UNKNOWN_COUNTRIES
from generators.shop.options import ShopOptions, share
from generators.shop.outliers import Outlier, plant_outliers
from generators.shop.sales import Line

LATER_WINDOWS = 30


@dataclass(frozen=True)
class Change:
    """A line and the record in a later file that replaces it."""

    first: Line
    winner: Line


@dataclass(frozen=True)
class Planted:
    """What was planted besides the errors, which the lines themselves carry."""

    changes: list[Change]
    late_lines: list[Line]
    outliers: list[Outlier]


class Deck:
    """Lines in random order, each dealt at most once."""

    def __init__(self, lines: Sequence[Line], rng: np.random.Generator) -> None:
        self._lines = [lines[int(place)] for place in rng.permutation(len(lines))]

    def draw(self, number: int, fits: Callable[[Line], bool] = lambda _: True) -> list[Line]:
        """Up to `number` lines that fit; what does not fit stays in the deck."""
        drawn: list[Line] = []
        passed: list[Line] = []
        while self._lines and len(drawn) < number:
            line = self._lines.pop()
            (drawn if fits(line) else passed).append(line)
        self._lines += reversed(passed)
        return drawn


def plant(
    options: ShopOptions, lines: list[Line], products: Sequence[Product], rng: np.random.Generator
) -> Planted:
    """Spoil `lines` in place, add the changed records to them, and tell what was planted."""
    rates, whole = options.rates, len(lines)
    deck = Deck(lines, rng)
    windows = sorted({line.window for line in lines})
    _malform(deck.draw(share(rates.malformed, whole)))
    _unprice(deck.draw(share(rates.no_price, whole)), products, options, rng)
    _unsettle(deck.draw(share(rates.unknown_country, whole)))
    changes = list(_changes(deck, share(rates.changed, whole), windows, rng))
    late = deck.draw(share(rates.late_line, whole), lambda line: line.window < windows[-1])
    for line in late:
        line.window = _later(line.window, windows, rng)
    lines += [change.winner for change in changes]
    _roughen(deck.draw(share(rates.untidy, whole)))
    outliers = plant_outliers(deck.draw(whole), lines, products, options)
    return Planted(changes, late, outliers)


def _field(column: str, text: str) -> Callable[[Line], tuple[str, ...]]:
    place = TRANSACTION_COLUMNS.index(column)

    def spoil(line: Line) -> tuple[str, ...]:
        values = line.values()
        return (*values[:place], text, *values[place + 1 :])

    return spoil


def _days_ahead(line: Line) -> tuple[str, ...]:
    return replace(line, moment=line.window + timedelta(days=3)).values()


MALFORMED: Final[dict[str, Callable[[Line], tuple[str, ...]]]] = {
    "missing_invoice_no": _field("invoice_no", ""),
    "text_quantity": _field("quantity", "a dozen"),
    "zero_quantity": _field("quantity", "0"),
    "huge_quantity": _field("quantity", str(2**31)),
    "bad_date": _field("invoice_date", "2025-02-30 10:15:00"),
    "date_of_1970": _field("invoice_date", "1970-01-01 00:00:00"),
    "date_after_window": _days_ahead,
    "too_few_fields": lambda line: line.values()[:4],
    "too_many_fields": lambda line: (*line.values(), "one", "too many"),
    "missing_stock_code": _field("stock_code", ""),
    "missing_line_no": _field("line_no", ""),
    "missing_quantity": _field("quantity", ""),
    "missing_date": _field("invoice_date", ""),
}
WITHOUT_ID: Final = {"missing_invoice_no", "missing_line_no", "too_few_fields", "too_many_fields"}


def _malform(lines: list[Line]) -> None:
    kinds = list(MALFORMED.items())
    for number, line in enumerate(lines):
        line.fault, spoil = kinds[number % len(kinds)]
        line.fields = spoil(line)
        line.rules = ("malformed_row",)
        line.identified = line.fault not in WITHOUT_ID


def _unprice(
    lines: list[Line], products: Sequence[Product], options: ShopOptions, rng: np.random.Generator
) -> None:
    """By turns a code never listed and one listed only later; each fifth of no country either."""
    unlisted = _unlisted_codes(products)
    for number, line in enumerate(lines):
        day = (line.moment.date() - options.start).days
        later = [product.stock_code for product in products if product.first_day > day]
        early = bool(later) and number % 2 == 1
        codes = later if early else unlisted
        line.fault = "before_first_listing" if early else "never_listed"
        line.stock_code = codes[int(rng.integers(len(codes)))]
        line.rules = ("no_price_in_effect",)
        if number % 5 == 4:
            line.fault += "_and_unknown_country"
            line.country = UNKNOWN_COUNTRIES[number % len(UNKNOWN_COUNTRIES)]
            line.rules = ("no_price_in_effect", "unknown_country")


def _unlisted_codes(products: Sequence[Product]) -> list[str]:
    taken = {product.stock_code for product in products}
    return list(islice((code for code in map("X{:05d}".format, count(1)) if code not in taken), 5))


def _unsettle(lines: list[Line]) -> None:
    for number, line in enumerate(lines):
        line.fault = "unknown_country"
        line.country = UNKNOWN_COUNTRIES[number % len(UNKNOWN_COUNTRIES)]
        line.rules = ("unknown_country",)


def _roughen(lines: list[Line]) -> None:
    """Blanks and lower case that the warehouse takes away: no fault, the line loads."""
    for line in lines:
        untidy = replace(line, stock_code=f" {line.stock_code.lower()}", country=f"{line.country} ")
        line.fields = untidy.values()


def _changes(
    deck: Deck, number: int, windows: list[datetime], rng: np.random.Generator
) -> Iterator[Change]:
    for line in deck.draw(number, lambda line: line.quantity > 0 and line.window < windows[-1]):
        line.contested = True
        winner = replace(
            line,
            quantity=line.quantity + int(rng.integers(1, 6)),
            window=_later(line.window, windows, rng),
        )
        line.superseded = True
        yield Change(line, winner)


def _later(window: datetime, windows: list[datetime], rng: np.random.Generator) -> datetime:
    later = windows[bisect_right(windows, window) :][:LATER_WINDOWS]
    return later[int(rng.integers(len(later)))]
