"""Tables of homes that were made before a contract changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.contracts import LAYOUT, PRODUCTS
from jobs.common.lake import get_property, is_partitioned, set_property, snapshot_id

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def set_current_apart(spark: SparkSession) -> None:
    """Write a table of an older home anew, so that current versions lie apart from the others.

    Harmless when it is so, and again when it was cut off.
    """
    if get_property(spark, PRODUCTS, LAYOUT):
        return
    name = PRODUCTS.full_name
    if not is_partitioned(spark, PRODUCTS):
        spark.sql(f"ALTER TABLE {name} ADD PARTITION FIELD is_current")
    for key, value in PRODUCTS.properties:
        if key != LAYOUT:
            set_property(spark, PRODUCTS, key, value)
    if snapshot_id(spark, PRODUCTS) is not None:
        spark.table(name).writeTo(name).overwrite(F.lit(True))
    set_property(spark, PRODUCTS, LAYOUT, dict(PRODUCTS.properties)[LAYOUT])
