"""Versions laid out by code and day, against a look at each day."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jobs.gold.packing import by_code
from tests.gold.keys import as_bytes

DAYS = 12
SPANS = st.lists(st.integers(0, DAYS), max_size=6, unique=True).map(sorted)


def laid_out(histories: dict[str, list[tuple[int, int]]], turned: bool) -> pa.Table:
    rows = [
        {
            "code": code,
            "first": first,
            "past": past,
            "unit_price": m,
            "product_sk": as_bytes(100 * n + m),
        }
        for n, (code, spans) in enumerate(histories.items())
        for m, (first, past) in enumerate(spans)
    ]
    kinds = {"code": pa.string(), "first": pa.int32(), "past": pa.int32()}
    kinds |= {"product_sk": pa.binary(), "unit_price": pa.int64()}
    table = pa.Table.from_pylist(rows[::-1] if turned else rows, pa.schema(list(kinds.items())))
    return by_code(table, table["code"].combine_chunks().dictionary_encode(), DAYS)


def spans_of(edges: list[int]) -> list[tuple[int, int]]:
    """Versions between the edges, but for every third."""
    return [(a, b) for n, (a, b) in enumerate(pairwise(edges)) if n % 3 != 2]


@given(st.lists(SPANS, max_size=5), st.booleans())
def test_each_day_has_the_version_that_covers_it(edges: list[list[int]], turned: bool) -> None:
    every = {f"code {n}": spans_of(each) for n, each in enumerate(edges)}
    histories = {code: spans for code, spans in every.items() if spans}
    rows = {row["code"]: row for row in laid_out(histories, turned).to_pylist()}
    assert rows.keys() == histories.keys()
    for n, (code, spans) in enumerate(histories.items()):
        covering = [
            next((m for m, (first, past) in enumerate(spans) if first <= day < past), -1)
            for day in range(DAYS)
        ]
        assert rows[code]["nth"] == covering
        assert rows[code]["product_sks"] == [100 * n + m for m in range(len(spans))]
        assert rows[code]["unit_prices"] == list(range(len(spans)))


def test_of_versions_that_overlap_the_earlier_goes_first() -> None:
    (row,) = laid_out({"A1": [(1, 6), (2, 4), (5, 9)]}, turned=True).to_pylist()
    assert row["nth"] == [-1, 0, 0, 0, 0, 0, 2, 2, 2, -1, -1, -1]
