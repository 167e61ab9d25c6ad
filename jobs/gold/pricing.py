"""As-of price: the product version in effect on the day of a line. Pure frames."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.gold.keys import product_sk

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MAX_EXPLODED = 20_000_000
MAX_GAP = timedelta(days=7)  # closed days in between cost less than another range


def with_keys(products: DataFrame) -> DataFrame:
    """Product versions with their product_sk; one row a version."""
    return products.select(
        product_sk(F.col("stock_code"), F.col("effective_date")).alias("product_sk"), "*"
    )


def spans(days: list[date]) -> list[tuple[date, date]]:
    """The days as closed ranges; days that lie within `MAX_GAP` of each other are one range."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] <= MAX_GAP:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _in_effect(versions: DataFrame, days: list[date]) -> DataFrame:
    """Adds first and last: the part of a span in which a version is in effect; a row each."""
    ranges = F.array(
        *(
            F.struct(F.lit(a).cast("date").alias("a"), F.lit(b).cast("date").alias("b"))
            for a, b in spans(days)
        )
    )
    last_day = F.date_sub("end_date", 1)
    return (
        versions.withColumn("span", F.explode(ranges))
        .withColumn("first", F.greatest("span.a", "effective_date"))
        .withColumn("last", F.least("span.b", last_day))  # least passes over null
        .where("first <= last")
    )


def exploded_rows(versions: DataFrame, days: list[date]) -> int:
    """How many rows `exploded` would give."""
    length = F.date_diff("last", "first") + 1
    row = _in_effect(versions, days).select(F.sum(length)).first() if days else None
    return int(row[0] or 0) if row else 0


def exploded(versions: DataFrame, days: list[date]) -> DataFrame:
    """Prices by (stock_code, day) for the spans of the given days: one row a pair that has one."""
    day = F.explode(F.sequence("first", "last")).alias("day")
    return _in_effect(versions, days).select("stock_code", "product_sk", "unit_price", day)


def on_pairs(versions: DataFrame, lines: DataFrame) -> DataFrame:
    """The same for the lines' own distinct (stock_code, day), by a union and a window.

    For a batch of so many days that exploding would be dear.
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
    return latest.where(
        (F.col("kind") == 1)
        & F.col("v").isNotNull()
        & (F.col("v.end_date").isNull() | (F.col("day") < F.col("v.end_date")))
    ).select("stock_code", "v.product_sk", "v.unit_price", "day")


def prices_for(versions: DataFrame, lines: DataFrame, days: list[date]) -> DataFrame:
    """Prices for a batch, by (stock_code, day).

    Args:
        versions: product versions with product_sk.
        lines: the batch, with stock_code and day.
        days: the batch's distinct days.
    """
    if not days or exploded_rows(versions, days) > MAX_EXPLODED:
        return on_pairs(versions, lines)
    return exploded(versions, days)
