"""As-of price: both plans against a search in plain Python."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.gold import pricing
from jobs.gold.pricing import exploded, on_pairs, prices_for, spans

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

START = date(2025, 1, 1)
CASES = 200
SCHEMA = (
    "product_sk bigint, stock_code string, unit_price decimal(12,4),"
    " effective_date date, end_date date"
)

Price = tuple[str, int, Decimal, date]  # stock_code, product_sk, unit_price, day


class Version(NamedTuple):
    product_sk: int
    stock_code: str
    unit_price: Decimal
    effective_date: date
    end_date: date | None


def random_history(chance: Random, code: str, key: int) -> list[Version]:
    """Versions that follow each other, some after a gap (withdrawn), the last one open or not."""
    starts = sorted(chance.sample(range(5, 60), chance.randint(0, 5)))
    found = []
    for n, start in enumerate(starts):
        following = starts[n + 1] if n + 1 < len(starts) else None
        end = following
        if chance.random() < 0.3 and (following is None or following > start + 1):
            end = chance.randint(start + 1, (following or 70) - 1)
        price = Decimal(chance.randint(0, 99999)) / 10000
        end_date = None if end is None else START + timedelta(days=end)
        found.append(Version(key + n, code, price, START + timedelta(days=start), end_date))
    return found


def price_on(history: list[Version], day: date) -> Version | None:
    """The version with the latest start on or before the day, unless it has ended by then."""
    begun = [version for version in history if version.effective_date <= day]
    latest = max(begun, key=lambda version: version.effective_date, default=None)
    ended = latest is not None and latest.end_date is not None and latest.end_date <= day
    return None if ended else latest


class Shop:
    """Random histories and lines; what each line's price is, by search."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.histories = {
            f"case {n}": random_history(chance, f"case {n}", 10 * n) for n in range(CASES)
        }
        days = [START + timedelta(days=n) for n in chance.sample(range(75), 20)]
        codes = [*self.histories, "never listed"]
        self.pairs = [(code, chance.choice(days)) for code in codes for _ in range(6)]
        # The days on which something changes, the day before, and the day itself.
        self.pairs += [
            (version.stock_code, moment + timedelta(days=off))
            for history in self.histories.values()
            for version in history
            for moment in (version.effective_date, version.end_date)
            if moment is not None
            for off in (-1, 0)
        ]

    @property
    def days(self) -> list[date]:
        return sorted({day for _, day in self.pairs})

    def versions(self, spark: SparkSession) -> DataFrame:
        rows = [version for history in self.histories.values() for version in history]
        return spark.createDataFrame(rows, SCHEMA)

    def lines(self, spark: SparkSession) -> DataFrame:
        return spark.createDataFrame(self.pairs, "stock_code string, day date")

    def expected(self, pairs: set[tuple[str, date]]) -> set[Price]:
        found = {(code, day, price_on(self.histories.get(code, []), day)) for code, day in pairs}
        return {(code, v.product_sk, v.unit_price, day) for code, day, v in found if v}


def rows_of(prices: DataFrame) -> list[Price]:
    names = ("stock_code", "product_sk", "unit_price", "day")
    return [tuple(row) for row in prices.select(*names).collect()]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=1)
def test_pairs_are_priced_as_of_their_day(spark: SparkSession, seed: int) -> None:
    shop = Shop(seed)
    found = rows_of(on_pairs(shop.versions(spark), shop.lines(spark)))
    assert len(found) == len(set(found))
    assert set(found) == shop.expected(set(shop.pairs))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=1)
def test_exploded_days_are_priced_as_of_each(spark: SparkSession, seed: int) -> None:
    shop = Shop(seed)
    found = rows_of(exploded(shop.versions(spark), shop.days))
    assert len(found) == len(set(found))
    days = {day for *_, day in found}
    everything = {(code, day) for code in shop.histories for day in {*days, *shop.days}}
    assert set(found) == shop.expected(everything)


def test_a_batch_without_a_readable_day_has_no_prices(spark: SparkSession) -> None:
    shop = Shop(1)
    lines = shop.lines(spark).where("false")
    assert rows_of(prices_for(shop.versions(spark), lines, [])) == []


def test_both_plans_give_the_same_to_a_batch(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(2)
    lines, versions = shop.lines(spark).distinct(), shop.versions(spark)
    first = prices_for(versions, lines, shop.days).join(lines, ["stock_code", "day"])
    monkeypatch.setattr(pricing, "MAX_EXPLODED", 10)
    second = prices_for(versions, lines, shop.days)
    assert sorted(rows_of(first)) == sorted(rows_of(second))
    assert "Window" in second._jdf.queryExecution().toString()
    assert "Window" not in first._jdf.queryExecution().toString()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([3], [(3, 3)]),
        ([3, 1, 2], [(1, 3)]),
        ([1, 8], [(1, 8)]),
        ([1, 9], [(1, 1), (9, 9)]),
        ([1, 2, 30, 37, 50], [(1, 2), (30, 37), (50, 50)]),
    ],
)
def test_days_not_far_apart_are_one_span(
    numbers: list[int], expected: list[tuple[int, int]]
) -> None:
    days = [START + timedelta(days=n) for n in numbers]
    assert spans(days) == [
        (START + timedelta(days=a), START + timedelta(days=b)) for a, b in expected
    ]
