"""Surrogate keys: the same whatever arrives first, in Postgres and in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

UNKNOWN = -1
HEX_DIGITS = 15  # 60 bits: they fit a signed 64-bit integer

# A key is a bigint, and is handed on as its eight bytes, which is what Postgres' COPY wants: Spark
# takes longer to make a number of hex digits (`conv`) than to hash.


def key_of_hash(sha256: Column) -> Column:
    """First 15 hex digits of a SHA-256, as the eight bytes of a bigint."""
    return F.unhex(F.substring(sha256, 1, HEX_DIGITS))  # which puts a 0 before an odd digit


def product_sk(stock_code: Column, effective_date: Column) -> Column:
    """From SHA-256(stock_code|effective_date), the date as YYYY-MM-DD; eight bytes."""
    text = F.concat_ws("|", stock_code, effective_date.cast("string"))
    return key_of_hash(F.sha2(text.cast("binary"), 256))


def customer_sk(customer_id: Column) -> Column:
    """From SHA-256(customer_id); -1 for a guest; eight bytes."""
    unknown = UNKNOWN.to_bytes(8, "big", signed=True)
    return F.coalesce(key_of_hash(F.sha2(customer_id.cast("binary"), 256)), F.lit(unknown))


def numbers(keys: pa.Array) -> pa.Array:
    """Keys as numbers; none may be null."""
    octets = keys.cast(pa.binary(8))
    found = np.frombuffer(octets.buffers()[1], ">i8", len(octets), 8 * octets.offset)
    return pa.array(found.astype("int64"))


def date_sk(day: Column) -> Column:
    """yyyymmdd as int."""
    return F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
