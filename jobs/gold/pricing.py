"""As-of price: the product version in effect on the day of a line. Pure frames."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.gold.keys import product_sk

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MAX_EXPLODED = 20_000_000


def with_keys(products: DataFrame) -> DataFrame:
    """Product versions with their product_sk; one row a version."""
    return products.select(
        product_sk(F.col("stock_code"), F.col("effective_date")).alias("product_sk"), "*"
    )


def _days_in_effect(days: list[date]) -> Column:
    all_days = F.array(*(F.lit(day).cast("date") for day in days))
    return F.filter(
        all_days,
        lambda day: (
            (day >= F.col("effective_date"))
            & (F.col("end_date").isNull() | (day < F.col("end_date")))
        ),
    )


def exploded_rows(versions: DataFrame, days: list[date]) -> int:
    """How many rows `exploded` would give."""
    row = versions.select(F.sum(F.size(_days_in_effect(days)))).first()
    return int(row[0] or 0) if row else 0


def exploded(versions: DataFrame, days: list[date]) -> DataFrame:
    """Prices by (stock_code, day) for the given days: one row a pair that has a price."""
    return versions.select(
        "stock_code", "product_sk", "unit_price", F.explode(_days_in_effect(days)).alias("day")
    )


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
    if exploded_rows(versions, days) > MAX_EXPLODED:
        return on_pairs(versions, lines)
    return exploded(versions, days)
