"""As-of price: the product version in effect on the day of a line."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.gold.keys import product_sk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Column, DataFrame

# What packed prices may take, in bytes, so that a driver of 3 GB can broadcast them.
MAX_PACKED = 320 << 20
A_PRODUCT, A_VERSION, A_DAY = 160, 16, 2
MAX_RANGE = 2**15 - 1  # days from a batch's first to its last; a version's number is a smallint


def with_keys(products: DataFrame) -> DataFrame:
    """Product versions with their product_sk; one row a version."""
    return products.select(
        product_sk(F.col("stock_code"), F.col("effective_date")).alias("product_sk"), "*"
    )


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
    return versions.select(
        F.col("stock_code").alias("code"),
        calendar.before(F.col("effective_date")).alias("first"),
        calendar.before(F.col("end_date")).alias("past"),
        "product_sk",
        "unit_price",
    ).where("first < past")


def packed(versions: DataFrame, calendar: Calendar) -> DataFrame:
    """Prices on the days of a batch: one row a stock code that has any.

    Returns:
        code; product_sks and unit_prices, one a version; nth, one a day of the batch: which of
        the versions is in effect.
    """
    fields = F.struct("first", "past", "product_sk", "unit_price")
    by_code = (
        _in_effect(versions, calendar)
        .groupBy("code")
        .agg(F.array_sort(F.collect_list(fields)).alias("v"))
    )
    return by_code.select(
        "code",
        F.flatten(F.transform("v", _days)).alias("nth"),
        F.col("v.product_sk").alias("product_sks"),
        F.col("v.unit_price").alias("unit_prices"),
    )


def _days(version: Column, n: Column) -> Column:
    """The days of a version, and before them those since the version before: they have none."""
    since = F.when(n > 0, F.get("v", n - 1)["past"]).otherwise(0)
    none = F.array_repeat(F.lit(None).cast("smallint"), version["first"] - since)
    own = F.array_repeat(n.cast("smallint"), version["past"] - version["first"])
    # Most versions follow the one before at once; to put nothing before them takes a third more.
    return F.when(since == version["first"], own).otherwise(F.concat(none, own))


def fits(versions: DataFrame, calendar: Calendar, rows: int | None = None) -> bool:
    """Whether packed prices are small enough to be everywhere; counted only if need be.

    Args:
        versions: product versions.
        calendar: the days of the batch.
        rows: at most so many versions, when that is known.
    """
    if calendar.range > MAX_RANGE:
        return False
    days = A_DAY * len(calendar.days)
    if rows is not None and rows * (A_PRODUCT + A_VERSION + days) <= MAX_PACKED:
        return True
    counts = _in_effect(versions, calendar).groupBy("code").count()
    row = counts.agg(F.count("*"), F.sum("count")).first()
    products, met = (int(n or 0) for n in row) if row else (0, 0)
    return products * (A_PRODUCT + days) + met * A_VERSION <= MAX_PACKED


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

    Args:
        lines: a batch, with stock_code and day; lines of other days than `days` may be left
            without a price.
        versions: product versions with product_sk.
        days: the days of all lines that are to be priced.
        rows: at most so many versions, when that is known.
    """
    if not days:
        names = ("product_sk", "unit_price")
        none = {name: F.lit(None).cast(versions.schema[name].dataType) for name in names}
        return lines.withColumns(none)
    calendar = Calendar(days)
    if fits(versions, calendar, rows):
        return on_packed(lines, packed(versions, calendar), calendar)
    return on_pairs(lines, versions)
