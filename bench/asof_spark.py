"""The as-of join by Spark: ours, and what is written instead of it; one session for all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.asof_data import lines_file, prices_file
from jobs.gold import money, pricing

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Answer = tuple[int, str, int]
DRIVER_MEMORY = "3g"


def start_session() -> SparkSession:
    """Two cores and the memory of a job's driver; no lake, no metastore."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--driver-memory {DRIVER_MEMORY} pyspark-shell"
    builder = SparkSession.builder.master("local[2]").appName("as-of")
    for key, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def ours(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """As the load does it, from looking for the batch's days on."""
    days = [day for day in pricing.count_by_day(lines) if day is not None]
    return pricing.priced(lines, _in_units(versions), days)


def pairs(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """Our plan for batches whose prices do not fit in memory."""
    return pricing.on_pairs(lines, _in_units(versions))


def _in_units(versions: DataFrame) -> DataFrame:
    return versions.withColumn("unit_price", money.in_units(versions["unit_price"]))


def interval(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """A broadcast join on the stock code and the range of days."""
    from pyspark.sql import functions as F

    in_effect = (
        (lines["stock_code"] == versions["stock_code"])
        & (lines["day"] >= versions["effective_date"])
        & (versions["end_date"].isNull() | (lines["day"] < versions["end_date"]))
    )
    return lines.join(F.broadcast(versions), in_effect, how="left")


def union(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """Lines and versions in one frame; a window carries the latest version on."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    version = F.struct("product_sk", "unit_price", "end_date")
    starts = versions.select(
        "stock_code",
        F.col("effective_date").alias("day"),
        version.alias("v"),
        F.lit(0).alias("kind"),
    )
    asked = lines.select("stock_code", "day", "quantity", F.lit(1).alias("kind"))
    so_far = (
        Window.partitionBy("stock_code")
        .orderBy("day", "kind")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    both = starts.unionByName(asked, allowMissingColumns=True)
    latest = both.withColumn("v", F.last("v", ignorenulls=True).over(so_far)).where("kind = 1")
    valid = F.col("v.end_date").isNull() | (F.col("day") < F.col("v.end_date"))
    return latest.select(
        "quantity",
        F.when(valid, F.col("v.product_sk")).alias("product_sk"),
        F.when(valid, F.col("v.unit_price")).alias("unit_price"),
    )


def textbook(lines: DataFrame, versions: DataFrame) -> DataFrame:
    """Each line with every version that had begun, ranked; the first is kept."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    begun = (lines["stock_code"] == versions["stock_code"]) & (
        lines["day"] >= versions["effective_date"]
    )
    latest_first = Window.partitionBy("line").orderBy(F.desc("effective_date"))
    ranked = lines.join(versions, begun, how="left").withColumn(
        "rank", F.row_number().over(latest_first)
    )
    valid = F.col("end_date").isNull() | (F.col("day") < F.col("end_date"))
    return ranked.where("rank = 1").select(
        "quantity",
        F.when(valid, F.col("product_sk")).alias("product_sk"),
        F.when(valid, F.col("unit_price")).alias("unit_price"),
    )


PLANS: dict[str, Callable[[DataFrame, DataFrame], DataFrame]] = {
    "ours": ours,
    "pairs": pairs,
    "interval": interval,
    "union": union,
    "textbook": textbook,
}


class Spark:
    """All plans in one session."""

    def __init__(self) -> None:
        self._session = start_session()

    def answer(self, directory: Path, case: str, lines: str, prices: str) -> Answer:
        """Rows, sum of amounts, rows without a price."""
        from pyspark.sql import functions as F

        read = self._session.read.parquet
        frames = (
            read(str(f(directory, n))) for f, n in ((lines_file, lines), (prices_file, prices))
        )
        joined = PLANS[case](*frames)
        without = F.count_if(F.col("product_sk").isNull())
        row = joined.agg(F.count("*"), _sum_of_amounts(joined), without).first()
        assert row is not None
        return int(row[0]), str(row[1]), int(row[2])


def _sum_of_amounts(joined: DataFrame) -> Column:
    """As the load multiplies where the price is in ten-thousandths, else as anyone would."""
    from pyspark.sql import functions as F

    quantity, price = F.col("quantity"), F.col("unit_price")
    if dict(joined.dtypes)["unit_price"] == "bigint":
        units = F.sum(money.total(quantity, price)).cast("decimal(20,0)")
        return (units / money.UNITS).cast("decimal(28,4)")
    return F.sum((quantity.cast("decimal(10,0)") * price).cast("decimal(18,4)"))
