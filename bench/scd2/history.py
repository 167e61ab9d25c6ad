"""A Spark job: bronze as so many days of lists would have left it, written without them.

python -m jobs.launch bench/scd2/history.py LISTS
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from bench.scd2.shop import CATEGORIES, EVERY, FIRST, PRODUCTS, day
from jobs.bronze.ledger import Accepted, Held, note_built_from
from jobs.common import contracts
from jobs.common.contracts import PRODUCTS_SNAPSHOTS
from jobs.common.lake import BUILT_FROM, ensure_tables, set_property
from jobs.common.session import get_session
from jobs.common.settings import get_settings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

SHA256 = "0" * 64


def build(spark: SparkSession, lists: int) -> None:
    """Write both tables: a data file a list, versions in the partitions that are theirs."""
    snapshots(spark, lists).writeTo(PRODUCTS_SNAPSHOTS.full_name).append()
    versions(spark, lists).writeTo(contracts.PRODUCTS.full_name).append()
    held = Held(ledger={day(lists - 1): Accepted(0, SHA256, PRODUCTS)})
    note = note_built_from(
        spark, PRODUCTS_SNAPSHOTS, contracts.PRODUCTS, "ignore", day(lists - 1), held
    )
    set_property(spark, contracts.PRODUCTS, BUILT_FROM, note)


def snapshots(spark: SparkSession, lists: int) -> DataFrame:
    """Rows of all lists; a task writes one."""
    rows = spark.range(0, lists * PRODUCTS, 1, lists)
    number = F.expr(f"int(id div {PRODUCTS})")
    numbered = rows.select((F.col("id") % PRODUCTS).alias("n"), number.alias("number"))
    return numbered.select(
        _date("number").alias("snapshot_date"),
        F.lit(0).alias("revision"),
        *_attributes("number"),
        F.lit(None).cast("int").alias("stock_quantity"),
        F.lit("history.csv").alias("source_file"),
        (F.col("n") + 2).cast("int").alias("source_line"),
        F.lit(SHA256).alias("file_sha256"),
        F.lit(0).cast("bigint").alias("batch_id"),
    )


def versions(spark: SparkSession, lists: int) -> DataFrame:
    """The history: a product's version numbers, each with its first list."""
    n = spark.range(0, PRODUCTS, 1, 2).withColumnRenamed("id", "n")
    ups = F.expr(f"int((n + {lists - 1}) div {EVERY} - n div {EVERY})")
    each = n.select("n", F.explode(F.sequence(F.lit(0), ups)).alias("up"), ups.alias("ups"))
    start = F.expr(f"int(IF(up = 0, 0, (n div {EVERY} + up) * {EVERY} - n))")
    past = F.expr(f"int(IF(up = ups, NULL, (n div {EVERY} + up + 1) * {EVERY} - n))")
    placed = each.select("n", start.alias("start"), past.alias("past"))
    return placed.select(
        *_attributes("start"),
        _date("start").alias("effective_date"),
        _date("past").alias("end_date"),
        F.col("past").isNull().alias("is_current"),
        F.lit(False).alias("withdrawn"),
    )


def _attributes(number: str) -> list[Column]:
    cents = F.expr(f"100 + n % 9000 + (n + {number}) div {EVERY} - n div {EVERY}")
    return [
        F.concat(F.lit("P"), F.lpad(F.col("n").cast("string"), 6, "0")).alias("stock_code"),
        F.concat(F.lit("PRODUCT NUMBER "), "n", F.lit(" OF THE SHOP")).alias("description"),
        F.concat(F.lit("Category "), F.col("n") % CATEGORIES).alias("category"),
        (cents / F.lit(100)).cast("decimal(12,4)").alias("unit_price"),
    ]


def _date(number: str) -> Column:
    return F.date_add(F.lit(FIRST), F.col(number))


def main(lists: str) -> None:
    """Make the tables, and the history in them."""
    spark = get_session("history")
    ensure_tables(spark, get_settings())
    build(spark, int(lists))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
