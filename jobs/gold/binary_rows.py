"""Rows as Postgres' binary COPY wants them, made by Spark's generated code.

Each row becomes one byte string: the number of fields, then each field's length and value
(https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"). What a value looks
like is stated by the type's `recv` function in Postgres.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
# Postgres counts from 2000.
EPOCH_DAYS = 10_957
EPOCH_MICROS = EPOCH_DAYS * 86_400_000_000
NUMERIC_BASE = 10_000
NEGATIVE = 0x4000
SCALE = 4
# Bytes that follow, digits, weight of the first digit.
NUMERIC_HEAD = struct.pack(">ihh", 20, 6, 4)


def encoded(frame: DataFrame, columns: Sequence[tuple[str, str]]) -> DataFrame:
    """One column `row` of the frame's columns, by name, as the Postgres types given.

    Lists and JSON come as text; lists hold plain words.
    """
    with _casts_to_bytes(frame.sparkSession):
        fields = [_field(F.col(name), kind) for name, kind in columns]
        count = _constant(len(columns), 2)
        return frame.select(F.concat(count, *fields).alias("row"))


@contextmanager
def _casts_to_bytes(spark: SparkSession) -> Iterator[None]:
    """Let numbers be cast to their bytes, which ANSI SQL does not know, by what is built within."""
    before = spark.conf.get("spark.sql.ansi.enabled") or "true"
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        yield
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)


def _field(value: Column, kind: str) -> Column:
    name = re.sub(r" ?\(.*", "", kind)
    return F.coalesce(_ENCODERS[name](value, kind), _literal(NULL))


def _literal(content: bytes) -> Column:
    return F.lit(bytearray(content))


def _constant(number: int, width: int) -> Column:
    return _literal(number.to_bytes(width, "big"))


def _bytes(number: Column, kind: str = "bigint") -> Column:
    return number.cast(kind).cast("binary")


def _with_length(value: Column, width: int) -> Column:
    return F.concat(_constant(width, 4), value)


def _bigint(value: Column, _: str) -> Column:
    return _with_length(_bytes(value), 8)


def _integer(value: Column, _: str) -> Column:
    # Length and value together are one number of 64 bits.
    return _bytes(value.cast("bigint").bitwiseAND(F.lit(0xFFFFFFFF)) + F.lit(4 << 32))


def _boolean(value: Column, _: str) -> Column:
    yes, no = (_literal(bytes([0, 0, 0, 1, flag])) for flag in (1, 0))
    return F.when(value, yes).when(~value, no)


def _date(value: Column, kind: str) -> Column:
    return _integer(F.unix_date(value) - EPOCH_DAYS, kind)


def _timestamp(value: Column, kind: str) -> Column:
    return _bigint(F.unix_micros(value) - F.lit(EPOCH_MICROS), kind)


def _text(value: Column, _: str) -> Column:
    return F.concat(_bytes(F.octet_length(value), "int"), value.cast("binary"))


def _jsonb(value: Column, _: str) -> Column:
    return F.concat(_bytes(F.octet_length(value) + 1, "int"), _constant(1, 1), value.cast("binary"))


def _numeric(value: Column, kind: str) -> Column:
    """Digits to the base 10,000: five before the point, which Postgres trims, one after it.

    For at most 20 digits, four of them places.
    """
    whole = value.cast("bigint")
    rest = value - whole.cast(kind.replace("numeric", "decimal"))
    places = F.rint(rest.cast("double") * NUMERIC_BASE).cast("bigint")
    sign = F.when(value < 0, F.lit(NEGATIVE)).otherwise(F.lit(0))
    groups = [_group(F.abs(whole), power) for power in (3, 2, 1, 0)]
    zero = F.lit(0)
    return F.concat(
        _literal(NUMERIC_HEAD),
        _bytes(_packed(sign, F.lit(SCALE), zero, groups[0])),
        _bytes(_packed(*groups[1:], F.abs(places))),
    )


def _group(whole: Column, power: int) -> Column:
    shifted = F.call_function("div", whole, F.lit(NUMERIC_BASE**power)) if power else whole
    return shifted if power == 3 else shifted % NUMERIC_BASE


def _packed(*units: Column) -> Column:
    """Four numbers of 16 bits as one of 64."""
    first, *rest = (unit.cast("bigint") for unit in units)
    packed = first
    for unit in rest:
        packed = F.shiftleft(packed, 16).bitwiseOR(unit)
    return packed


_ENCODERS: dict[str, Callable[[Column, str], Column]] = {
    "bigint": _bigint,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "timestamptz": _timestamp,
    "text": _text,
    "jsonb": _jsonb,
    "numeric": _numeric,
}
