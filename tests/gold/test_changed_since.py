"""From which day on a load has to look at product versions, and at which days of bronze."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.gold.positions import Positions, changed_since
from jobs.gold.reference import merged
from jobs.gold.staged import ListFile

PRODUCTS, LISTS = "ecommerce_db.products", "ecommerce_db.products_snapshots"
AT = Positions({PRODUCTS: 1, LISTS: 1}, {PRODUCTS: 2, LISTS: 2}, "ignore", "ignore")


def price_list(day: int, revision: int = 0, dataset: str = "products") -> ListFile:
    return ListFile(dataset, date(2011, 1, day), "a" * 64, "x.csv", 1, revision)


def test_days_before_the_earliest_new_list_are_as_they_were() -> None:
    assert changed_since(AT, [price_list(9), price_list(5)]) == date(2011, 1, 5)
    assert changed_since(AT, [price_list(9), price_list(5, dataset="countries")]) == date(
        2011, 1, 9
    )


@pytest.mark.parametrize(
    ("at", "lists"),
    [
        (AT, []),
        (AT, [price_list(9), price_list(5, revision=1)]),
        (Positions(AT.taken, AT.now, "ignore", "invalidate"), [price_list(9)]),
        (Positions(AT.taken, AT.now, None, "ignore"), [price_list(9)]),
        (Positions(AT.taken, AT.now, None, None), [price_list(9)]),
        (Positions({}, AT.now, "ignore", "ignore"), [price_list(9)]),
    ],
    ids=["no list", "one replaced", "another mode", "mode not known", "neither", "first load"],
)
def test_else_any_version_may_have_changed(at: Positions, lists: list[ListFile]) -> None:
    assert changed_since(at, lists) is None


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(1, 3), (5, 6)], [(1, 3), (5, 6)]),
        ([(5, 6), (1, 5)], [(1, 6)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
        ([(n, n + 1) for n in range(1, 60, 2)], [(1, 60)]),
    ],
    ids=["apart", "touching", "within", "too many"],
)
def test_ranges_of_days_are_merged(
    ranges: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    def days(pairs: list[tuple[int, int]]) -> list[tuple[date, date]]:
        return [(date.fromordinal(700_000 + a), date.fromordinal(700_000 + b)) for a, b in pairs]

    assert merged(days(ranges)) == days(expected)
