"""Bulk orders far above what their product usually sells, planted where the warehouse scores."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from math import ceil
from statistics import median, stdev

from generators.shop.catalogue import Product
from generators.shop.options import ShopOptions, share
from generators.shop.sales import Line

DEVIATIONS = 20
HISTORY = 30
HOSTILE = 3  # so many go to products with hostile names, which the mail has to escape


@dataclass(frozen=True)
class Usual:
    """What a product sold a line before the last month: median and sample deviation."""

    median: float
    deviation: float

    @property
    def bulk(self) -> int:
        """A quantity no rule should overlook."""
        return ceil(self.median + DEVIATIONS * self.deviation) + 1


@dataclass(frozen=True)
class Outlier:
    """A planted bulk order and the history it stands out from."""

    line: Line
    usual: Usual


def last_month(options: ShopOptions) -> datetime:
    """When the last month of the shop begins."""
    return datetime.combine(options.last_day.replace(day=1), time())


def usual_quantities(lines: Sequence[Line], options: ShopOptions) -> dict[str, Usual]:
    """By stock code, from the loaded sales lines of the 12 months before the last month.

    Only products with at least 30 such lines; a zero deviation counts as 1.
    """
    month = last_month(options)
    first = month.replace(year=month.year - 1)
    sold: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        if line.loaded and line.quantity > 0 and first <= line.moment < month:
            sold[line.stock_code].append(line.quantity)
    return {
        code: Usual(median(quantities), stdev(quantities) or 1.0)
        for code, quantities in sold.items()
        if len(quantities) >= HISTORY
    }


def plant_outliers(
    candidates: Sequence[Line],
    lines: Sequence[Line],
    products: Sequence[Product],
    options: ShopOptions,
) -> list[Outlier]:
    """Turn some candidates of the last month into bulk orders, at most one a product.

    None where the shop opened in its last month: nothing is scored there.
    """
    month = last_month(options)
    usual = usual_quantities(lines, options)
    hostile = [product.stock_code for product in products if product.hostile][:HOSTILE]
    chosen: dict[str, Line] = {}
    for line in sorted(candidates, key=lambda line: line.stock_code not in hostile):
        if line.moment >= month and line.quantity > 0 and line.stock_code in usual:
            chosen.setdefault(line.stock_code, line)
    count = share(options.rates.outlier, sum(line.moment >= month for line in lines))
    outliers = [Outlier(line, usual[code]) for code, line in list(chosen.items())[:count]]
    for outlier in outliers:
        outlier.line.quantity = outlier.usual.bulk
    return outliers
