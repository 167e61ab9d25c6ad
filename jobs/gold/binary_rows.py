"""Rows as Postgres' binary COPY wants them, made by Spark's generated code.

Each row becomes one byte string: the number of fields, then each field's length and value
(https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"). What a value looks
like is stated by the type's `recv` function in Postgres. The whole row is one text of SQL: built
of columns it took some 300 calls from Python into the JVM, which cost more than a window's rows.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = "X'FFFFFFFF'"
# Postgres counts from 2000.
EPOCH_DAYS = 10_957
EPOCH_MICROS = EPOCH_DAYS * 86_400_000_000
NUMERIC_BASE = 10_000
NEGATIVE = 0x4000
SCALE = 4
# Bytes that follow, digits, weight of the first digit.
NUMERIC_HEAD = struct.pack(">ihh", 20, 6, 4)

Sql = str


def encoded(frame: DataFrame, columns: Sequence[tuple[str, str]]) -> DataFrame:
    """One column `row` of the frame's columns, by name, as the Postgres types given.

    Lists and JSON come as text, lists hold plain words; numerics as ten-thousandths; a bigint may
    come as its eight bytes.
    """
    in_bytes = {f.name for f in frame.schema if f.dataType.typeName() == "binary"}
    parts = [_constant(len(columns), 2)]
    for name, kind in columns:
        encode = _key if name in in_bytes else _ENCODERS[re.sub(r" ?\(.*", "", kind)]
        parts += _nullable(encode(f"`{name}`"))
    with _casts_to_bytes(frame.sparkSession):
        return frame.select(F.expr(f"concat({', '.join(parts)})").alias("row"))


@contextmanager
def _casts_to_bytes(spark: SparkSession) -> Iterator[None]:
    """Let numbers be cast to their bytes, which ANSI SQL does not know, by what is built within."""
    before = spark.conf.get("spark.sql.ansi.enabled") or "true"
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        yield
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)


def _nullable(parts: list[Sql]) -> list[Sql]:
    """A field's parts, all null when its value is.

    They stay apart: a field put together first is copied twice.
    """
    first, *rest = parts
    return [f"coalesce({first}, {NULL})", *(f"coalesce({part}, X'')" for part in rest)]


def _literal(content: bytes) -> Sql:
    return f"X'{content.hex()}'"


def _constant(number: int, width: int) -> Sql:
    return _literal(number.to_bytes(width, "big"))


def _where_known(value: Sql, constant: Sql) -> Sql:
    return f"if({value} IS NULL, NULL, {constant})"


def _bytes(number: Sql, kind: str = "bigint") -> Sql:
    return f"cast(cast({number} AS {kind}) AS binary)"


def _bigint(value: Sql) -> list[Sql]:
    # Its length and first half are one number of 64 bits.
    first = _bytes(f"(shiftrightunsigned({value}, 32) | {8 << 32}L)")
    return [first, _bytes(value, "int")]


def _key(value: Sql) -> list[Sql]:
    return [_where_known(value, _constant(8, 4)), value]


def _integer(value: Sql) -> list[Sql]:
    # Length and value together are one number of 64 bits.
    return [_bytes(f"(cast({value} AS bigint) & {0xFFFFFFFF}L) + {4 << 32}L")]


def _boolean(value: Sql) -> list[Sql]:
    yes, no = (_literal(bytes([0, 0, 0, 1, flag])) for flag in (1, 0))
    return [f"CASE WHEN {value} THEN {yes} WHEN NOT {value} THEN {no} END"]


def _date(value: Sql) -> list[Sql]:
    return _integer(f"unix_date({value}) - {EPOCH_DAYS}")


def _timestamp(value: Sql) -> list[Sql]:
    return _bigint(f"(unix_micros({value}) - {EPOCH_MICROS}L)")


def _text(value: Sql) -> list[Sql]:
    return [_bytes(f"octet_length({value})", "int"), f"cast({value} AS binary)"]


def _jsonb(value: Sql) -> list[Sql]:
    # Its version, 1, comes first.
    length = f"((octet_length({value}) + 1L) * 256 + 1)"
    return [f"substring({_bytes(length)}, 4)", f"cast({value} AS binary)"]


def _numeric(value: Sql) -> list[Sql]:
    """Ten-thousandths as digits to the base 10,000: five before the point, which Postgres trims,
    and one after it.
    """
    units = f"abs({value})"
    sign = f"if({value} < 0, {NEGATIVE}L, 0L)"
    places, *groups = (_group(units, power) for power in range(5))
    return [
        _where_known(value, _literal(NUMERIC_HEAD)),
        _packed(sign, f"{SCALE}L", "0L", groups.pop()),
        _packed(*reversed(groups), places),
    ]


def _group(units: Sql, power: int) -> Sql:
    """A digit to the base 10,000; the last of them is not limited."""
    shifted = f"({units} div {NUMERIC_BASE**power}L)" if power else units
    return shifted if power == 4 else f"({shifted} % {NUMERIC_BASE})"


def _packed(*units: Sql) -> Sql:
    """Four numbers of 16 bits as one of 64."""
    packed, *rest = units
    for unit in rest:
        packed = f"(shiftleft({packed}, 16) | {unit})"
    return _bytes(packed)


_ENCODERS: dict[str, Callable[[Sql], list[Sql]]] = {
    "bigint": _bigint,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "timestamptz": _timestamp,
    "text": _text,
    "jsonb": _jsonb,
    "numeric": _numeric,
}
