"""Surrogate keys: the same whatever arrives first, in Postgres and in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

UNKNOWN = -1
HEX_DIGITS = 15  # 60 bits: they fit a signed 64-bit integer


def key_of_hash(sha256: Column) -> Column:
    """First 15 hex digits of a SHA-256 as bigint."""
    return F.conv(F.substring(sha256, 1, HEX_DIGITS), 16, 10).cast("bigint")


def product_sk(stock_code: Column, effective_date: Column) -> Column:
    """From SHA-256(stock_code|effective_date), the date as YYYY-MM-DD."""
    text = F.concat_ws("|", stock_code, effective_date.cast("string"))
    return key_of_hash(F.sha2(text.cast("binary"), 256))


def customer_sk(customer_id: Column) -> Column:
    """From SHA-256(customer_id); -1 for a guest."""
    return F.coalesce(
        key_of_hash(F.sha2(customer_id.cast("binary"), 256)), F.lit(UNKNOWN).cast("bigint")
    )


def date_sk(day: Column) -> Column:
    """yyyymmdd as int."""
    return F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
