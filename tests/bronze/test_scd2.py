"""The history of products: a function of the set of snapshots, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.bronze.ingest_products import transform
from jobs.bronze.scd2 import VERSION, Missing, difference, next_versions, versions
from jobs.common.contracts import PRODUCTS, PRODUCTS_SNAPSHOTS
from tests.bronze.day_by_day import Lists, Values, Version, versions_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

JAN = [date(2025, 1, day) for day in range(1, 32)]
DATES = [JAN[0], JAN[1], JAN[2], JAN[5], JAN[6], JAN[12], JAN[30], date(2025, 3, 1)]
A: Values = ("MUG", "Kitchen", Decimal("1.0000"))
B: Values = ("MUG", "Kitchen", Decimal("2.0000"))
STATES: tuple[Values, ...] = (
    A,
    B,
    ("CUP", "Kitchen", Decimal("1.0000")),
    ("MUG", None, Decimal("1.0000")),
    (None, None, Decimal("1.0000")),
    (None, "Kitchen", Decimal("0.0000")),
)
CASES = 120

# A file of price lists: date, revision, what it lists.
File = tuple[date, int, Mapping[str, Values]]


def frame(spark: SparkSession, files: Iterable[File]) -> DataFrame:
    """Rows of `products_snapshots`."""
    rows = [
        (day, revision, code, *values, None, "f.csv", 2, "sha", 1)
        for day, revision, listed in files
        for code, values in listed.items()
    ]
    return spark.createDataFrame(rows, PRODUCTS_SNAPSHOTS.schema)


def history(spark: SparkSession, found: Iterable[Version]) -> DataFrame:
    """Rows of `products`."""
    rows = [(v.stock_code, *v.values, v.first, v.past, v.past is None, v.withdrawn) for v in found]
    return spark.createDataFrame(rows, PRODUCTS.schema)


def told(rows: Iterable[Any]) -> set[Version]:
    """Rows of `products`, each once; `is_current` says the same as the past day."""
    found = [
        (r.is_current, Version(r.stock_code, (r.description, r.category, r.unit_price),
                               r.effective_date, r.end_date, r.withdrawn))
        for r in rows
    ]  # fmt: skip
    assert all(current is (v.past is None) for current, v in found)
    assert len({v for _, v in found}) == len(found)
    return {v for _, v in found}


def brute_force(lists: Lists, missing: str) -> set[Version]:
    codes = {code for listed in lists.values() for code in listed}
    return {version for code in codes for version in versions_of(code, lists, missing)}


def random_lists(chance: Random, dates: Sequence[date]) -> dict[date, dict[str, Values]]:
    """Price lists of many products, each with a history of its own."""
    lists: dict[date, dict[str, Values]] = {day: {} for day in dates}
    for case in range(CASES):
        gaps, few = chance.choice([0.0, 0.2, 0.6]), chance.sample(STATES, chance.choice([1, 2, 4]))
        for day in dates:
            if chance.random() >= gaps:
                lists[day][f"case {case}"] = chance.choice(few)
    return lists


@pytest.mark.parametrize("missing", ["ignore", "invalidate"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=1)
def test_the_versions_are_those_that_a_day_by_day_reader_tells(
    spark: SparkSession, missing: Missing, seed: int
) -> None:
    lists = random_lists(Random(seed), DATES)
    rows = frame(spark, [(day, 0, listed) for day, listed in lists.items()])
    assert told(versions(rows, DATES, missing).collect()) == brute_force(lists, missing)


@pytest.mark.parametrize("missing", ["ignore", "invalidate"])
def test_a_history_of_many_lists_is_told_as_one_of_few(
    spark: SparkSession, missing: Missing
) -> None:
    dates = [JAN[0] + timedelta(days=n + n // 5) for n in range(150)]
    lists = random_lists(Random(150), dates)
    rows = frame(spark, [(day, 0, listed) for day, listed in lists.items()])
    assert told(versions(rows, dates, missing).collect()) == brute_force(lists, missing)


def arrivals(chance: Random, *, in_order: bool) -> list[list[File]]:
    """Files in batches: in order; or in none, some dates twice, the second time to replace."""
    lists = random_lists(chance, DATES)
    files: list[File] = [(day, 0, listed) for day, listed in lists.items()]
    if not in_order:
        chance.shuffle(files)
        for day, listed in random_lists(chance, chance.sample(DATES, 2)).items():
            first = next(n for n, file in enumerate(files) if file[0] == day)
            files.insert(chance.randint(first + 1, len(files)), (day, 1, listed))
    cuts = sorted({0, len(files), *chance.sample(range(1, len(files)), 3)})
    return [files[a:b] for a, b in pairwise(cuts)]


def highest_revisions(files: Iterable[File]) -> dict[date, int]:
    return {day: revision for day, revision, _ in sorted(files, key=lambda file: file[:2])}


def up_to_next(dates: dict[date, int], days: Iterable[date]) -> dict[date, int]:
    """All that a whole history has to be told of dates."""
    following = [day for day in sorted(dates) if day > max(days)][:1]
    return {d: r for d, r in dates.items() if min(days) <= d <= max(days) or d in following}


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("missing", ["ignore", "invalidate"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=2)
def test_batches_in_any_order_bring_the_history_to_what_all_their_lists_tell(
    spark: SparkSession, missing: Missing, in_order: bool, seed: int
) -> None:
    files: list[File] = []
    held: dict[tuple[str, date], Version] = {}
    for batch in arrivals(Random(seed), in_order=in_order):
        files += batch
        days, dates = highest_revisions(batch), highest_revisions(files)
        changes = transform(
            frame(spark, files),
            history(spark, held.values()),
            frame(spark, batch),
            dates=up_to_next(dates, days),
            days=days,
            missing=missing,
        ).collect()
        for version in told(row for row in changes if row.op == "put"):
            assert held.get((version.stock_code, version.first)) != version, "no change at all"
            held[version.stock_code, version.first] = version
        for row in (row for row in changes if row.op == "delete"):
            del held[row.stock_code, row.effective_date]
        newest = {day: listed for day, _, listed in sorted(files, key=lambda file: file[:2])}
        assert set(held.values()) == brute_force(newest, missing)


def test_what_did_not_change_is_no_change(spark: SparkSession) -> None:
    lists = {DATES[0]: {"x": A, "y": B}, DATES[3]: {"x": B, "y": B}}
    rows = frame(spark, [(day, 0, listed) for day, listed in lists.items()])
    found = versions(rows, list(lists), "ignore")
    assert difference(found, found).columns == [*VERSION, "op"]
    assert difference(found, found).collect() == []
    latest = rows.where(f"snapshot_date = '{DATES[3]}'")
    current = found.where("is_current")
    assert next_versions(current, latest, DATES[3], "invalidate").collect() == []


def test_a_difference_says_what_to_put_and_what_to_delete(spark: SparkSession) -> None:
    old = {
        Version("x", A, JAN[0], JAN[5], withdrawn=False),
        Version("x", B, JAN[5], None, withdrawn=False),
        Version("same", A, JAN[0], None, withdrawn=False),
    }
    new = {
        Version("x", A, JAN[0], JAN[3], withdrawn=False),
        Version("x", B, JAN[3], None, withdrawn=False),
        Version("same", A, JAN[0], None, withdrawn=False),
    }
    rows = difference(history(spark, old), history(spark, new)).collect()
    assert told(r for r in rows if r.op == "put") == new - old
    assert [(r.stock_code, r.effective_date) for r in rows if r.op == "delete"] == [("x", JAN[5])]


def test_a_withdrawn_product_that_returns_starts_anew_on_that_day(spark: SparkSession) -> None:
    lists: Lists = {DATES[0]: {"x": A}, DATES[3]: {}, DATES[5]: {"x": A}, DATES[6]: {"x": A}}
    rows = frame(spark, [(day, 0, listed) for day, listed in lists.items()])
    assert told(versions(rows, list(lists), "invalidate").collect()) == {
        Version("x", A, DATES[0], DATES[3], withdrawn=True),
        Version("x", A, DATES[5], None, withdrawn=False),
    }
    assert told(versions(rows, list(lists), "ignore").collect()) == {
        Version("x", A, DATES[0], None, withdrawn=False)
    }
