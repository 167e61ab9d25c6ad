"""As-of price: the product version in effect on the day of a line; prices in ten-thousandths."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.gold.keys import product_sk
from jobs.gold.money import in_units
from jobs.gold.packing import by_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Column, DataFrame

# What packed prices may take, in bytes, so that a driver of 3 GB can lay them out and broadcast
# them. A version is most before it is packed: its code, days, key and price in Arrow.
MAX_PACKED = 320 << 20
A_PRODUCT, A_VERSION, A_DAY = 160, 48, 2
MAX_RANGE = 2**15 - 1  # days from a batch's first to its last; a version's number is a smallint


def with_keys(products: DataFrame) -> DataFrame:
    """Product versions with their product_sk (eight bytes), prices in ten-thousandths."""
    return products.select(
        product_sk(F.col("stock_code"), F.col("effective_date")).alias("product_sk"), "*"
    ).withColumn("unit_price", in_units(F.col("unit_price")))


def count_by_day(lines: DataFrame) -> dict[date | None, int]:
    """How many lines of a batch are of each `day`; None: of lines without one."""
    return {row[0]: row[1] for row in lines.groupBy("day").count().collect()}


class Calendar:
    """The days of a batch, numbered from 0 in their order."""

    def __init__(self, days: Sequence[date]) -> None:
        self.days = sorted(set(days))
        self.range = (self.days[-1] - self.days[0]).days + 1

    def number(self, day: Column) -> Column:
        """The number of a day; null for one that is not of the batch."""
        numbers = {day: str(n) for n, day in enumerate(self.days)}
        return F.get(_ints(numbers.get(day, "NULL") for day in self._each()), self._since(day))

    def before(self, day: Column) -> Column:
        """How many days of the batch are before a day; all of them when it is null."""
        counts = (str(bisect_left(self.days, day)) for day in self._each(past=1))
        within = F.greatest(F.least(self._since(day), F.lit(self.range)), F.lit(0))
        return F.get(_ints(counts), within)

    def _each(self, past: int = 0) -> list[date]:
        return [self.days[0] + timedelta(days=n) for n in range(self.range + past)]

    def _since(self, day: Column) -> Column:
        return F.date_diff(day, F.lit(self.days[0]))


def _ints(numbers: Iterable[str]) -> Column:
    return F.expr(f"CAST(array({', '.join(numbers)}) AS array<int>)")


def _in_effect(versions: DataFrame, calendar: Calendar) -> DataFrame:
    """Versions that meet the batch: each in effect on its days [first, past), by number."""
    begins, ends = F.col("effective_date"), F.col("end_date")
    # Asked of the dates themselves, so that a scan can pass over the other versions.
    near = (begins <= F.lit(calendar.days[-1])) & (ends.isNull() | (ends > calendar.days[0]))
    return (
        versions.where(near)
        .select(
            F.col("stock_code").alias("code"),
            calendar.before(begins).alias("first"),
            calendar.before(ends).alias("past"),
            "product_sk",
            "unit_price",
        )
        .where("first < past")
    )


def packed(versions: DataFrame, calendar: Calendar, rows: int | None = None) -> DataFrame | None:
    """Prices on the days of a batch: one row a stock code that has any; None if they are too many.

    Laid out by the driver: Spark would shuffle and sort the versions for it, and make an array
    for each.

    Args:
        versions: product versions, prices in ten-thousandths.
        calendar: the days of the batch.
        rows: at most so many versions, when that is known; else they are counted.

    Returns:
        code; product_sks and unit_prices, one a version; nth, one a day of the batch: which of
        the versions is in effect, from 0, or -1.
    """
    if calendar.range > MAX_RANGE:
        return None
    met = _in_effect(versions, calendar)
    if rows is None or rows * A_VERSION > MAX_PACKED:
        rows = met.count()
    if rows * A_VERSION > MAX_PACKED:
        return None
    found = met.toArrow()
    codes = found["code"].combine_chunks().dictionary_encode()
    a_code = A_PRODUCT + A_DAY * len(calendar.days)
    if len(codes.dictionary) * a_code + len(found) * A_VERSION > MAX_PACKED:
        return None
    return versions.sparkSession.createDataFrame(by_code(found, codes, len(calendar.days)))


def on_packed(lines: DataFrame, prices: DataFrame, calendar: Calendar) -> DataFrame:
    """The lines with product_sk and unit_price from packed prices."""
    # By a hash, which Spark looks up faster than a text. That the texts are equal is asked as a
    # range: an equality would be made part of the key.
    code = F.col("stock_code")
    same = (F.xxhash64(code) == F.xxhash64("code")) & code.between(F.col("code"), F.col("code"))
    nth = F.get("nth", calendar.number(F.col("day")))
    return lines.join(F.broadcast(prices), same, how="left").select(
        *(F.col(name) for name in lines.columns),
        F.get("product_sks", nth).alias("product_sk"),
        F.get("unit_prices", nth).alias("unit_price"),
    )


def on_pairs(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """The same by a union and a window over the lines' distinct (stock_code, day).

    For a batch of so many products and days that packed prices would not fit.
    """
    pairs = lines.select("stock_code", "day").distinct()
    fields = ("product_sk", "unit_price", "end_date")
    starts = versions.select(
        "stock_code",
        F.col("effective_date").alias("day"),
        F.struct(*fields).alias("v"),
        F.lit(0).alias("kind"),
    )
    asked = pairs.select(
        "stock_code",
        "day",
        F.lit(None).cast(starts.schema["v"].dataType).alias("v"),
        F.lit(1).alias("kind"),
    )
    so_far = (
        Window.partitionBy("stock_code")
        .orderBy("day", "kind")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    latest = starts.unionByName(asked).withColumn("v", F.last("v", ignorenulls=True).over(so_far))
    prices = latest.where(
        (F.col("kind") == 1)
        & F.col("v").isNotNull()
        & (F.col("v.end_date").isNull() | (F.col("day") < F.col("v.end_date")))
    ).select("stock_code", "day", "v.product_sk", "v.unit_price")
    return lines.join(prices, ["stock_code", "day"], how="left")


def priced(
    lines: DataFrame, versions: DataFrame, days: list[date], rows: int | None = None
) -> DataFrame:
    """The lines with the product_sk and unit_price of their day; both null without one.

    The key is a bigint, or its eight bytes; the price is in ten-thousandths.

    Args:
        lines: a batch, with stock_code and day; lines of other days than `days` may be left
            without a price.
        versions: product versions as of `with_keys`.
        days: the days of all lines that are to be priced.
        rows: at most so many versions, when that is known.
    """
    if not days:
        return lines.withColumns(
            dict.fromkeys(("product_sk", "unit_price"), F.lit(None).cast("bigint"))
        )
    calendar = Calendar(days)
    prices = packed(versions, calendar, rows)
    return on_pairs(lines, versions) if prices is None else on_packed(lines, prices, calendar)
