"""Whole columns of text to values: what `fields` does one by one, for the usual forms only.

Each function gives values and which of them are meant: a text of another form may be a value
all the same, so its line is left to `fields`. Texts are trimmed and printable ASCII.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze.fields import LONGEST

# Any nine digits fit into 32 bits.
_WHOLE = "^-?[0-9]{1,9}$"
_PRICE = r"^[0-9]{1,8}(?:\.[0-9]{1,4})?$"
_DAY = (
    "(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_MOMENT = f"^20[0-9]{{2}}-(?:{_DAY}) {_TIME}$"


class Values(NamedTuple):
    """A column, and which of its values are meant."""

    values: pa.Array
    usable: pa.BooleanArray


def whole(text: pa.Array, least: int | None = None) -> Values:
    """Whole numbers, of `least` or more."""
    found = _cast(text, _WHOLE, "0", pa.int32())
    if least is None:
        return found
    return Values(found.values, pc.and_(found.usable, pc.greater_equal(found.values, least)))


def price(text: pa.Array) -> Values:
    """Prices."""
    return _cast(text, _PRICE, "0", pa.decimal128(12, 4))


def moment(text: pa.Array) -> Values:
    """`YYYY-MM-DD HH:MM:SS` of this century, UTC."""
    found = _cast(text, _MOMENT, "2000-01-01 00:00:00", pa.timestamp("us"))
    return Values(found.values.cast(pa.timestamp("us", tz="UTC")), found.usable)


def required(text: pa.Array) -> Values:
    """Codes or names."""
    return Values(text, pc.and_(pc.not_equal(text, ""), _is_short(text)))


def optional(text: pa.Array) -> Values:
    """Codes or names, null when they are empty."""
    return Values(free(text), _is_short(text))


def free(text: pa.Array) -> pa.Array:
    """Any text, null when it is empty."""
    return pc.if_else(pc.equal(text, ""), None, text)


def _is_short(text: pa.Array) -> pa.BooleanArray:
    return pc.less_equal(pc.binary_length(text), LONGEST)


def constant(value: str | None, like: pa.Array, kind: pa.DataType) -> pa.Array:
    """One value, as often as another column has values."""
    return pa.repeat(pa.scalar(value, kind), len(like))


def all_of(*conditions: pa.BooleanArray) -> pa.BooleanArray:
    """Where all hold."""
    return reduce(pc.and_, conditions)


def _cast(text: pa.Array, form: str, instead: str, kind: pa.DataType) -> Values:
    usable = pc.match_substring_regex(text, form)
    if not pc.all(usable).as_py():
        text = pc.if_else(usable, text, instead)
    return Values(text.cast(kind), usable)
