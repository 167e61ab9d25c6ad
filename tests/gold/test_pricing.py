"""As-of price: both plans against a search in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.gold import money, pricing
from jobs.gold.pricing import count_by_day, on_pairs, priced
from tests.gold.keys import as_bytes, as_number
from tests.support.money import in_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyspark.sql import DataFrame, SparkSession

START = date(2025, 1, 1)
CASES = 200
SCHEMA = (
    "product_sk binary, stock_code string, unit_price decimal(12,4),"
    " effective_date date, end_date date"
)

LINES = "stock_code string, day date"

Line = tuple[Any, ...]  # stock_code, day, product_sk, unit_price; the last two may be None


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
        return as_priced(spark, rows)

    def lines(self, spark: SparkSession) -> DataFrame:
        return spark.createDataFrame(self.pairs, LINES)

    def expected(self, pairs: list[tuple[str, date]]) -> list[Line]:
        versions = [price_on(self.histories.get(code, []), day) for code, day in pairs]
        return sorted_lines(
            (*pair, v and v.product_sk, v and in_units(v.unit_price))
            for pair, v in zip(pairs, versions, strict=True)
        )


def as_priced(spark: SparkSession, versions: list[Version]) -> DataFrame:
    """Versions as `with_keys` gives them, but for their keys, which are told here."""
    rows = [(as_bytes(each.product_sk), *each[1:]) for each in versions]
    frame = spark.createDataFrame(rows, SCHEMA)
    return frame.withColumn("unit_price", money.in_units(F.col("unit_price")))


def found_by(lines: DataFrame) -> list[Line]:
    found = lines.select("stock_code", "day", "product_sk", "unit_price").collect()
    return sorted_lines((*row[:2], as_number(row[2]), row[3]) for row in found)


def sorted_lines(lines: Iterable[Iterable[Any]]) -> list[Line]:
    return sorted((tuple(line) for line in lines), key=repr)


def packed_plan(lines: DataFrame, versions: DataFrame, days: list[date]) -> DataFrame:
    found = priced(lines, versions, days)
    assert is_packed(found)
    return found


def is_packed(frame: DataFrame) -> bool:
    """Whether a frame has the packed plan; the other one has a window."""
    plan = frame._jdf.queryExecution().optimizedPlan().toString()
    assert ("product_sks" in plan) != ("Window" in plan)
    return "product_sks" in plan


@given(seed=st.integers(0, 2**32))
@settings(max_examples=2)
def test_packed_prices_are_as_of_each_line_s_day(spark: SparkSession, seed: int) -> None:
    shop = Shop(seed)
    found = packed_plan(shop.lines(spark), shop.versions(spark), shop.days)
    assert found_by(found) == shop.expected(shop.pairs)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=1)
def test_pairs_are_priced_as_of_their_day(spark: SparkSession, seed: int) -> None:
    shop = Shop(seed)
    found = on_pairs(shop.lines(spark), shop.versions(spark))
    assert found_by(found) == shop.expected(shop.pairs)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=1)
def test_a_batch_of_few_days_far_apart_is_priced_alike(spark: SparkSession, seed: int) -> None:
    shop = Shop(seed)
    days = sorted(Random(seed).sample(shop.days, 3))
    shop.pairs = [(code, day) for code, day in shop.pairs if day in days]
    found = packed_plan(shop.lines(spark), shop.versions(spark), days)
    assert found_by(found) == shop.expected(shop.pairs)


def test_lines_without_a_code_or_of_another_day_have_no_price_and_stay(
    spark: SparkSession,
) -> None:
    always = [Version(1, "A1", Decimal(2), START, None)]
    day = START + timedelta(days=3)
    # The second is between days of the batch, the others before and after them.
    others = [day + timedelta(days=n) for n in (-1, 1, -9999, 9999)]
    pairs = [("A1", day), ("A1", day + timedelta(days=2)), (None, day), ("A1", None)]
    lines = spark.createDataFrame([*pairs, *(("A1", other) for other in others)], LINES)
    versions = as_priced(spark, always)
    found = packed_plan(lines, versions, [day, day + timedelta(days=2)])
    priced_lines = [(*pair, 1, 20_000) for pair in pairs[:2]]
    without = [(*pair, None, None) for pair in [*pairs[2:], *(("A1", other) for other in others)]]
    assert found_by(found) == sorted_lines([*priced_lines, *without])


def test_codes_that_share_a_hash_are_told_apart(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(4)
    monkeypatch.setattr(F, "xxhash64", lambda code: F.length(code).cast("bigint"))
    found = packed_plan(shop.lines(spark), shop.versions(spark), shop.days)
    assert found_by(found) == shop.expected(shop.pairs)


def test_a_code_of_most_lines_is_priced_without_a_shuffle_of_the_lines(
    spark: SparkSession,
) -> None:
    shop = Shop(5)
    hot = next(code for code, history in shop.histories.items() if len(history) > 2)
    shop.pairs += [(hot, day) for day in shop.days] * 50
    found = packed_plan(shop.lines(spark), shop.versions(spark), shop.days)
    assert found_by(found) == shop.expected(shop.pairs)
    plan = found._jdf.queryExecution().sparkPlan().toString()
    assert "BroadcastHashJoin" in plan
    assert "SortMergeJoin" not in plan


def test_a_batch_without_a_readable_day_has_no_prices(spark: SparkSession) -> None:
    shop = Shop(1)
    lines = spark.createDataFrame([("A1", None), (None, None)], LINES)
    found = priced(lines, shop.versions(spark), [])
    assert found.schema[-2:].simpleString() == "struct<product_sk:bigint,unit_price:bigint>"
    assert found_by(found) == sorted_lines([("A1", None, None, None), (None, None, None, None)])


def test_lines_of_a_batch_are_counted_by_day(spark: SparkSession) -> None:
    days = [START + timedelta(days=n) for n in (3, 1, 3, 2)]
    lines = spark.createDataFrame([("A1", day) for day in [*days, None]], LINES)
    assert count_by_day(lines) == Counter([*days, None])


def size_of(shop: Shop) -> int:
    """Bytes of packed prices: a sum over products and versions that meet the batch's days."""
    met = [
        [v for v in history if any(price_on([v], day) for day in shop.days)]
        for history in shop.histories.values()
    ]
    products = [versions for versions in met if versions]
    a_product = pricing.A_PRODUCT + pricing.A_DAY * len(shop.days)
    return len(products) * a_product + sum(map(len, products)) * pricing.A_VERSION


@pytest.mark.parametrize("more", [0, -1])
def test_the_plan_is_chosen_by_what_packed_prices_would_take(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    shop = Shop(2)
    monkeypatch.setattr(pricing, "MAX_PACKED", size_of(shop) + more)
    found = priced(shop.lines(spark), shop.versions(spark), shop.days)
    assert is_packed(found) == (more == 0)
    assert found_by(found) == shop.expected(shop.pairs)


def test_a_batch_over_more_days_than_a_calendar_has_takes_the_pairs(spark: SparkSession) -> None:
    shop = Shop(3)
    far = START + timedelta(days=pricing.MAX_RANGE)
    assert is_packed(priced(shop.lines(spark), shop.versions(spark), [*shop.days, START]))
    shop.pairs += [(code, far) for code in shop.histories]
    found = priced(shop.lines(spark), shop.versions(spark), [START, *shop.days])
    assert not is_packed(found)
    assert found_by(found) == shop.expected(shop.pairs)


def jobs_of(spark: SparkSession, call: Callable[[], Any]) -> int:
    """How many Spark jobs a call starts."""
    context = spark.sparkContext
    context.setJobGroup("counted", "jobs of a call")
    before = len(context.statusTracker().getJobIdsForGroup("counted"))
    call()
    return len(context.statusTracker().getJobIdsForGroup("counted")) - before


def test_a_batch_that_is_small_by_the_number_of_versions_is_not_counted(
    spark: SparkSession,
) -> None:
    shop = Shop(6)
    lines, versions = shop.lines(spark), shop.versions(spark)
    most = pricing.MAX_PACKED // pricing.A_VERSION
    brought = jobs_of(spark, versions.toArrow)
    assert jobs_of(spark, lambda: priced(lines, versions, shop.days, most)) == brought == 1
    assert jobs_of(spark, lambda: priced(lines, versions, shop.days, most + 1)) > brought
    assert is_packed(priced(lines, versions, shop.days, most + 1))
