"""Versions in effect on numbered days, laid out by stock code: in the driver, by columns.

Spark would shuffle and sort the versions for this, and make an array for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from jobs.gold.keys import numbers

Numbers = np.ndarray[Any, np.dtype[Any]]


def by_code(found: pa.Table, codes: pa.DictionaryArray, days: int) -> pa.Table:
    """One row a stock code.

    Args:
        found: one row a version, in effect on the days [first, past); product_sk (eight
            bytes), unit_price.
        codes: the code of each.
        days: how many days there are.

    Returns:
        code; product_sks and unit_prices, one a version in order; nth, one a day: which of these
        is in effect, from 0, or -1. Of versions that overlap the earlier one goes first.
    """
    code, first, past = (
        values.to_numpy().astype("int64")
        for values in (codes.indices, found["first"], found["past"])
    )
    order = np.lexsort((first, code))
    code, first, past = code[order], first[order], past[order]
    begins = np.append(0, np.cumsum(np.bincount(code, minlength=len(codes.dictionary))))
    number = np.arange(len(code)) - begins[code]
    nth = _days(code * days + first, code * days + past, number, len(codes.dictionary) * days)
    rows = found.take(pa.array(order))
    columns = {
        "code": codes.dictionary,
        "product_sks": _lists(begins, numbers(rows["product_sk"].combine_chunks())),
        "unit_prices": _lists(begins, rows["unit_price"].combine_chunks()),
        "nth": _lists(np.arange(len(begins)) * days, pa.array(nth)),
    }
    return pa.table(columns)


def _days(start: Numbers, stop: Numbers, number: Numbers, count: int) -> Numbers:
    """The days of all codes in a row: from each `start` to its `stop` the number, else -1."""
    reached = np.maximum.accumulate(np.append(0, stop))
    gap = np.maximum(start - reached[:-1], 0)
    own = np.maximum(stop - np.maximum(start, reached[:-1]), 0)
    lengths = np.append(np.stack((gap, own), axis=1), count - reached[-1])
    numbers = np.append(np.stack((np.full_like(number, -1), number), axis=1), -1)
    return np.repeat(numbers.astype("int16"), lengths)


def _lists(begins: Numbers, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(begins, pa.int32()), values)
