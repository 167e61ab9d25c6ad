"""SCD type 2 from dated full snapshots. Pure frames in, pure frames out.

A version starts on its snapshot's date, whatever day the job runs. The history is a
function of the set of accepted snapshots, so it comes out the same in whatever order
they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import Column, DataFrame

KEY = "stock_code"
TRACKED = ("description", "category", "unit_price")
VERSION = (KEY, *TRACKED, "effective_date", "end_date", "is_current", "withdrawn")

Missing = Literal["ignore", "invalidate"]


def _tracked(alias: str = "") -> Column:
    prefix = f"{alias}." if alias else ""
    return F.struct(*(F.col(f"{prefix}{name}").alias(name) for name in TRACKED))


def versions(snapshots: DataFrame, dates: list[date], missing: Missing) -> DataFrame:
    """All versions of the products in `snapshots`.

    Args:
        snapshots: one row a product and snapshot_date, with the tracked attributes.
        dates: all accepted snapshot dates, of whatever products.
        missing: what it means that a later snapshot lacks a product.

    Returns:
        One row a version, columns `VERSION`.
    """
    by_date = Window.partitionBy(KEY).orderBy("snapshot_date")
    listed = _with_next_listing(snapshots, dates, missing)
    before = F.lag(F.struct(_tracked().alias("was"), "next_listing")).over(by_date)
    marked = listed.select("*", before.alias("before"))
    starts = (
        F.col("before").isNull()
        | ~F.col("before.was").eqNullSafe(_tracked())
        | (F.col("before.next_listing") < F.col("snapshot_date"))
    )
    numbered = marked.withColumn("version", F.sum(starts.cast("int")).over(by_date))
    grouped = numbered.groupBy(KEY, "version").agg(
        F.min_by(_tracked(), "snapshot_date").alias("t"),
        F.min("snapshot_date").alias("effective_date"),
        F.max_by("next_listing", "snapshot_date").alias("end_date"),
    )
    following = F.lead("effective_date").over(Window.partitionBy(KEY).orderBy("version"))
    return grouped.select("*", following.alias("following")).select(
        KEY,
        *(F.col(f"t.{name}").alias(name) for name in TRACKED),
        "effective_date",
        "end_date",
        F.col("end_date").isNull().alias("is_current"),
        (F.col("end_date").isNotNull() & ~F.col("end_date").eqNullSafe(F.col("following"))).alias(
            "withdrawn"
        ),
    )


def _with_next_listing(snapshots: DataFrame, dates: list[date], missing: Missing) -> DataFrame:
    """Adds next_listing: the next date on which the product would have to be listed to go on."""
    if missing == "ignore":
        own = Window.partitionBy(KEY).orderBy("snapshot_date")
        return snapshots.select("*", F.lead("snapshot_date").over(own).alias("next_listing"))
    ordered = sorted(dates)
    pairs = [(d, n) for d, n in zip(ordered, [*ordered[1:], None], strict=True)]
    calendar = snapshots.sparkSession.createDataFrame(
        pairs, "snapshot_date date, next_listing date"
    )
    return snapshots.join(F.broadcast(calendar), "snapshot_date", how="inner")


def next_versions(
    current: DataFrame, snapshot: DataFrame, day: date, missing: Missing
) -> DataFrame:
    """What a snapshot newer than all before changes.

    Args:
        current: the current versions.
        snapshot: one row a product.
        day: the snapshot's date.

    Returns:
        One row a version to insert, or to update where (stock_code, effective_date) exists.
    """
    both = current.alias("c").join(
        snapshot.alias("s"), F.col(f"c.{KEY}") == F.col(f"s.{KEY}"), how="full"
    )
    known, listed = F.col(f"c.{KEY}").isNotNull(), F.col(f"s.{KEY}").isNotNull()
    changed = known & listed & ~_tracked("c").eqNullSafe(_tracked("s"))
    gone = known & ~listed & F.lit(missing == "invalidate")
    today = F.lit(day).cast("date")
    closed = both.where(changed | gone).select(
        *(F.col(f"c.{name}").alias(name) for name in (KEY, *TRACKED, "effective_date")),
        today.alias("end_date"),
        F.lit(False).alias("is_current"),
        (~listed).alias("withdrawn"),
    )
    opened = both.where(changed | (listed & ~known)).select(
        *(F.col(f"s.{name}").alias(name) for name in (KEY, *TRACKED)),
        today.alias("effective_date"),
        F.lit(None).cast("date").alias("end_date"),
        F.lit(True).alias("is_current"),
        F.lit(False).alias("withdrawn"),
    )
    return closed.unionByName(opened)


def difference(old: DataFrame, new: DataFrame) -> DataFrame:
    """How to get from one set of versions to another.

    Returns:
        One row a version that differs, columns `VERSION` and `op`: 'put' or 'delete'.
    """
    on = [F.col(f"o.{name}") == F.col(f"n.{name}") for name in (KEY, "effective_date")]
    both = old.alias("o").join(new.alias("n"), on, how="full")
    rest = [name for name in VERSION if name not in (KEY, "effective_date")]
    same = F.lit(True)
    for name in rest:
        same = same & F.col(f"o.{name}").eqNullSafe(F.col(f"n.{name}"))
    lost = F.col(f"n.{KEY}").isNull()
    return both.where(lost | F.col(f"o.{KEY}").isNull() | ~same).select(
        *(
            (
                F.coalesce(f"n.{name}", f"o.{name}")
                if name in (KEY, "effective_date")
                else F.col(f"n.{name}")
            ).alias(name)
            for name in VERSION
        ),
        F.when(lost, "delete").otherwise("put").alias("op"),
    )
