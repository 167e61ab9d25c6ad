"""SCD type 2 from dated full snapshots. Pure frames in, pure frames out.

A version starts on its snapshot's date, whatever day the job runs. The history is a
function of the set of accepted snapshots, so it comes out the same in whatever order
they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import Column, DataFrame, SparkSession

KEY = "stock_code"
TRACKED = ("description", "category", "unit_price")
STRETCH = (KEY, *TRACKED, "start", "stop")
VERSION = (KEY, *TRACKED, "effective_date", "end_date", "is_current", "withdrawn")

Missing = Literal["ignore", "invalidate"]

WORD = 63  # lists a word: a bit of a bigint each, but for its sign
# The stretches of ones in `bits`. One stretch, as mostly, needs no look at each bit.
_PLACES = f"filter(sequence(0, {WORD - 1}), place -> getbit({{}}, place) = 1)"
_STRETCHES = f"""
IF(
    bit_count(lows) = 1,
    array(struct(bit_count(lows - 1) AS low, bit_count(lows - 1) + bit_count(bits) - 1 AS high)),
    CAST(
        arrays_zip({_PLACES.format("lows")}, {_PLACES.format("highs")})
        AS array<struct<low: int, high: int>>
    )
)
"""


def tracked(alias: str = "") -> Column:
    """The tracked attributes as one value, to be compared."""
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
    calendar = _calendar(snapshots.sparkSession, dates)
    first = calendar.select(F.col("nth").alias("first"), F.col("day").alias("start"))
    past = calendar.select(F.col("nth").alias("past"), F.col("day").alias("stop"))
    stretches = (
        _runs(snapshots, calendar)
        .withColumn("past", F.col("last") + 1)
        .join(F.broadcast(first), "first", how="inner")
        .join(F.broadcast(past), "past", how="left")
    )
    return told(stretches.select(*STRETCH), missing)


def told(stretches: DataFrame, missing: Missing) -> DataFrame:
    """The versions that stretches of lists tell.

    Args:
        stretches: columns `STRETCH`: from the list of `start` on, up to the one of `stop` (null:
            no list comes after), each list says the same of a product. Where the next one starts
            on its stop and says the same, too, both are one version's.
        missing: with 'ignore', what a stretch says holds until the product's next one.

    Returns:
        One row a version, columns `VERSION`.
    """
    in_order = Window.partitionBy(KEY).orderBy("start")
    before = F.lag(F.struct(tracked().alias("was"), "stop")).over(in_order)
    starts = F.col("before").isNull() | ~F.col("before.was").eqNullSafe(tracked())
    if missing == "invalidate":
        starts = starts | (F.col("before.stop") < F.col("start"))
    final = F.max_by("stop", "start").over(Window.partitionBy(KEY))
    started = stretches.select("*", before.alias("before"), final.alias("final")).where(starts)
    last = F.coalesce(F.lead("before.stop").over(in_order), "final")
    following = F.lead("start").over(in_order)
    end = following if missing == "ignore" else last
    found = started.select("*", end.alias("end_date"), following.alias("following"))
    ends = F.col("end_date").isNotNull()
    return (
        found.withColumnRenamed("start", "effective_date")
        .withColumn("is_current", ~ends)
        .withColumn("withdrawn", ends & ~F.col("end_date").eqNullSafe(F.col("following")))
        .select(*VERSION)
    )


def _calendar(spark: SparkSession, dates: list[date]) -> DataFrame:
    """The dates, numbered from 0 in their order."""
    return frame_of(
        spark, [(day, nth) for nth, day in enumerate(sorted(dates))], "day date, nth int"
    )


def _runs(snapshots: DataFrame, calendar: DataFrame) -> DataFrame:
    """Stretches of lists, each right after the other, that say the same of a product.

    Rows become bits of a word a product, attributes and `WORD` lists, which is little to
    shuffle; a stretch over several words comes in parts.

    Returns:
        One row a part: `KEY`, the tracked attributes, numbers of the first and last list.
    """
    bit = F.expr(f"shiftleft(1L, nth % {WORD})")
    word = F.expr(f"nth div {WORD}").alias("word")
    listed = snapshots.join(F.broadcast(calendar), F.col("snapshot_date") == F.col("day"))
    words = listed.groupBy(KEY, *TRACKED, word).agg(F.bit_or(bit).alias("bits"))
    edges = {
        "lows": F.expr("bits & ~shiftleft(bits, 1)"),
        "highs": F.expr("bits & ~shiftright(bits, 1)"),
    }
    stretches = words.withColumns(edges).select("*", F.inline(F.expr(_STRETCHES)))
    place = (F.col("word") * WORD).cast("int")
    return stretches.select(
        KEY, *TRACKED, (place + F.col("low")).alias("first"), (place + F.col("high")).alias("last")
    )


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
    changed = known & listed & ~tracked("c").eqNullSafe(tracked("s"))
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
