"""What price lists mean, told day by day in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

Values = tuple[Any, ...]
# Snapshot date → stock code → (description, category, unit_price).
Lists = Mapping[date, Mapping[str, Values]]


class Version(NamedTuple):
    """A version of a product, in effect from its first day up to, not on, its past day."""

    stock_code: str
    values: Values
    first: date
    past: date | None
    withdrawn: bool


def versions_of(code: str, lists: Lists, missing: str) -> Iterable[Version]:
    """The versions of one product: each day is asked what that day's list says, if there is one."""
    values, first = None, date.min
    for day in days_between(min(lists), max(lists)):
        if day not in lists:
            continue
        said = lists[day].get(code)
        if said is None and missing == "ignore":
            continue
        if said == values:
            continue
        if values is not None:
            yield Version(code, values, first, day, withdrawn=said is None)
        values, first = said, day
    if values is not None:
        yield Version(code, values, first, None, withdrawn=False)


def days_between(first: date, last: date) -> Iterable[date]:
    """Every day from the first to the last."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
