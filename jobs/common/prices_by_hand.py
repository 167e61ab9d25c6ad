"""Prices that people gave, laid over the versions of the price lists.

The lists stay as they came; what gold takes as a product's versions has these prices on their
days. Undone, a price is laid over no more, and the lists' own are back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from jobs.common.contracts import PRODUCTS
from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame

OPEN = date.max  # the end of a version that has none


@dataclass(frozen=True)
class Price:
    """What a product costs from `first` to `last`, both inclusive."""

    stock_code: str
    first: date
    last: date
    unit_price: Decimal

    @property
    def past(self) -> date:
        """The first day on which it no longer does."""
        return self.last + timedelta(days=1)


class Version(NamedTuple):
    """A version of a product, with the columns of bronze's `products`."""

    stock_code: str
    description: str | None
    category: str | None
    unit_price: Decimal
    effective_date: date
    end_date: date | None
    is_current: bool
    withdrawn: bool

    @property
    def past(self) -> date:
        """The end, a far one for a version that is still in effect."""
        return self.end_date or OPEN

    @property
    def words(self) -> tuple[object, ...]:
        """All that is tracked of the product."""
        return self.description, self.category, self.unit_price

    def on(self, first: date, past: date) -> Version:
        """The same in effect on the days [first, past)."""
        return self._replace(effective_date=first, end_date=past)


def in_force(cur: Cursor) -> list[Price]:
    """The prices that were given and not undone."""
    cur.execute(
        "SELECT stock_code, first_day, last_day, unit_price FROM ops.corrections"
        " WHERE kind = 'price' AND undone_at IS NULL ORDER BY stock_code, first_day"
    )
    return [Price(*row) for row in cur.fetchall()]


def with_prices(versions: DataFrame, prices: list[Price]) -> tuple[DataFrame, int]:
    """Product versions with the prices on their days; and how many more versions these are."""
    if not prices:
        return versions, 0
    named = F.col("stock_code").isin(sorted({price.stock_code for price in prices}))
    columns = versions.select(*PRODUCTS.column_names)
    theirs = columns.where(named)
    before = [Version(*row) for row in theirs.collect()]
    after = overlaid(before, prices)
    rows = frame_of(versions.sparkSession, after, theirs.schema)
    return columns.where(~named).unionByName(rows), len(after) - len(before)


def overlaid(versions: Iterable[Version], prices: Iterable[Price]) -> list[Version]:
    """Versions of products with the prices on their days, where these are of them.

    Days that no version covers get one: with the description and category of the version before,
    or of the first.
    """
    by_code: dict[str, list[Version]] = {}
    for version in sorted(versions, key=lambda v: v.effective_date):
        by_code.setdefault(version.stock_code, []).append(version)
    for price in prices:
        if price.stock_code in by_code:
            by_code[price.stock_code] = _with_price(by_code[price.stock_code], price)
    return [version for chain in by_code.values() for version in _chained(chain)]


def _with_price(versions: list[Version], price: Price) -> list[Version]:
    before = _on(versions, date.min, price.first)
    within = _on(versions, price.first, price.past)
    after = _on(versions, price.past, OPEN)
    words = [*before[-1:], *within, *after][0]
    covered: list[Version] = []
    day = price.first
    for version in [*within, None]:
        until = version.effective_date if version else price.past
        if day < until:
            covered.append(words.on(day, until))
        if version:
            covered.append(version)
            words, day = version, version.past
    return [*before, *(v._replace(unit_price=price.unit_price) for v in covered), *after]


def _on(versions: list[Version], first: date, past: date) -> list[Version]:
    """What of the versions is in effect on the days [first, past)."""
    cut = (v.on(max(v.effective_date, first), min(v.past, past)) for v in versions)
    return [v for v in cut if v.effective_date < v.past]


def _chained(versions: list[Version]) -> list[Version]:
    """As one chain: neighbours that say the same are one, and each says how it ends."""
    chain: list[Version] = []
    for version in versions:
        last = chain[-1] if chain else None
        if last and last.past == version.effective_date and last.words == version.words:
            chain[-1] = last.on(last.effective_date, version.past)
        else:
            chain.append(version)
    ends = [following.effective_date for _, following in pairwise(chain)] + [None]
    return [
        version._replace(
            end_date=None if version.past == OPEN else version.past,
            is_current=version.past == OPEN,
            withdrawn=version.past not in (OPEN, following),
        )
        for version, following in zip(chain, ends, strict=True)
    ]
