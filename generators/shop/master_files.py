"""The shop's product and country snapshots, with the faults that stand in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from generators.landing import (
    COUNTRY_COLUMNS,
    STOCKED_PRODUCT_COLUMNS,
    CsvText,
    LandingFile,
    countries_file,
    products_file,
)
from generators.price_lists import price_text
from generators.shop.catalogue import Listing, Product
from generators.shop.countries import COUNTRIES, DRIFTED, Country
from generators.shop.options import ShopOptions, share

BAD_PRICES: Final = {"negative_price": "-1.50", "text_price": "ask in store"}


@dataclass(frozen=True)
class BadProduct:
    """A product row for `ops.rejected_rows`, and where it stands."""

    fault: str
    stock_code: str
    source_file: str
    source_line: int


@dataclass(frozen=True)
class DuplicateCode:
    """A stock code that stands twice in one snapshot; the last of both is right."""

    stock_code: str
    source_file: str
    first_price: Decimal
    winning_price: Decimal


@dataclass(frozen=True)
class PriceList:
    """A day's product snapshot and the faults in it."""

    file: LandingFile
    duplicates: list[DuplicateCode]
    bad_products: list[BadProduct]


def price_lists(
    options: ShopOptions, products: Sequence[Product], rng: np.random.Generator
) -> list[PriceList]:
    """A full product snapshot for each day."""
    rates, days = options.rates, options.days
    doubled = np.bincount(
        rng.integers(days, size=share(rates.duplicate_code, days)), minlength=days
    )
    bad = np.bincount(rng.integers(days, size=share(rates.bad_product, days)), minlength=days)
    lists: list[PriceList] = []
    for number in range(days):
        listed = [listing for product in products if (listing := product.daily[number])]
        writer = _PriceListWriter(options.start + timedelta(days=number), listed, rng)
        lists.append(writer.write(int(doubled[number]), int(bad[number])))
    return lists


class _PriceListWriter:
    """Writes one day: wrong twins of some codes first, then the list, then bad rows."""

    def __init__(self, day: date, listed: list[Listing], rng: np.random.Generator) -> None:
        self._day, self._listed, self._rng = day, listed, rng
        self._text = CsvText(STOCKED_PRODUCT_COLUMNS)
        self._stock = iter(rng.integers(0, 900, size=len(listed)).tolist())
        self._name = products_file(day, b"").name

    def write(self, doubled: int, bad: int) -> PriceList:
        twins = self._rng.choice(
            len(self._listed), size=min(doubled, len(self._listed)), replace=False
        )
        duplicates = [self._twin(self._listed[int(place)]) for place in twins]
        for listing in self._listed:
            self._append(listing, price_text(listing.unit_price), next(self._stock))
        bad_products = [self._bad(number) for number in range(bad)]
        return PriceList(products_file(self._day, self._text.content()), duplicates, bad_products)

    def _append(self, listing: Listing, price: str, stock: int) -> int:
        row = (listing.stock_code, listing.description, listing.category, price, str(stock))
        return self._text.append(row)

    def _twin(self, listing: Listing) -> DuplicateCode:
        wrong = listing.unit_price * 2
        self._append(listing, price_text(wrong), 0)
        return DuplicateCode(listing.stock_code, self._name, wrong, listing.unit_price)

    def _bad(self, number: int) -> BadProduct:
        # Codes of their own: a refused row must not look like a product that is gone.
        fault, price = list(BAD_PRICES.items())[(self._day.day + number) % len(BAD_PRICES)]
        code = f"BAD{self._day:%m%d}{number}"
        listing = Listing(code, "Mispriced sample", "Other", Decimal(0))
        return BadProduct(fault, code, self._name, self._append(listing, price, 0))


def country_lists(options: ShopOptions) -> list[LandingFile]:
    """The countries on the first day and on the first of each month.

    With `country_drift` the last of several says something else of one country.
    """
    days = [options.start + timedelta(days=number) for number in range(options.days)]
    dates = [day for day in days if day == options.start or day.day == 1]
    drifted = dates[-1] if options.country_drift and len(dates) > 1 else None
    return [countries_file(day, _countries(_master(day == drifted))) for day in dates]


def _master(drifted: bool) -> list[Country]:
    return [
        DRIFTED if drifted and row.country_id == DRIFTED.country_id else row for row in COUNTRIES
    ]


def _countries(rows: Sequence[Country]) -> bytes:
    text = CsvText(COUNTRY_COLUMNS)
    for row in rows:
        text.append([str(value) for value in row])
    return text.content()
