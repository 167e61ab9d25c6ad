"""What lists change that come late, or anew, in a history that tells of all the others.

A version covers lists that say the same of a product. A pending list cuts the versions of the
products of which it says otherwise, and what it says comes in between. No other list has to be
read for that; with 'ignore' the next one, for whether the product is on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.bronze.ledger import effective, revisions
from jobs.bronze.scd2 import KEY, STRETCH, TRACKED, Missing, difference, told, tracked
from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import Column, DataFrame

    # Of each pending list, by its date: the date of the list right after it, pending or not.
    Following = dict[date, date | None]


def amended(
    history: DataFrame,
    pending: DataFrame,
    lists: DataFrame,
    *,
    days: dict[date, int],
    dates: dict[date, int],
    missing: Missing,
) -> DataFrame:
    """What pending lists change.

    Args:
        history: the versions, told of all lists but the pending ones; of a date that one of these
            replaces, as the replaced one had it. Those that ended before the first may be left out.
        pending: rows of the pending lists, of each date the highest revision.
        lists: rows of all lists, pending ones and all revisions among them.
        days: the dates of the pending lists, each with its highest revision.
        dates: the same of all lists from the first pending one to the first one after the last.
        missing: what it means that a list lacks a product.

    Returns:
        As `scd2.difference`.
    """
    following = _following(days, dates)
    # Read three times, and not worth its plan as often.
    touched = _touched(history, pending, days, missing).localCheckpoint()
    old = history.join(touched, KEY, how="left_semi")
    kept = _cut(old, following)
    if missing == "ignore":
        kept = _from_next_listing(kept, lists, dates, following)
    calendar = frame_of(pending.sparkSession, following.items(), "start date, stop date")
    said = pending.join(touched, KEY, how="left_semi").join(
        F.broadcast(calendar), F.col("snapshot_date") == F.col("start")
    )
    stretches = kept.select(*STRETCH).unionByName(said.select(*STRETCH))
    return difference(old, told(stretches, missing))


def _following(days: dict[date, int], dates: dict[date, int]) -> Following:
    in_order = sorted(dates)
    after: Following = dict(zip(in_order, [*in_order[1:], None], strict=True))
    return {day: after[day] for day in sorted(days)}


def _touched(
    history: DataFrame, pending: DataFrame, days: dict[date, int], missing: Missing
) -> DataFrame:
    """Products of which a pending list says otherwise than the history does of its day."""
    listed = F.col("snapshot_date")
    began = listed >= F.col("effective_date")
    covered = began & (F.col("end_date").isNull() | (listed < F.col("end_date")))
    said = pending.select(F.col(KEY).alias("listed"), tracked().alias("says"), "snapshot_date")
    is_same = (F.col(KEY) == F.col("listed")) & tracked().eqNullSafe(F.col("says"))
    same = history.join(said, is_same & covered).select("listed", "snapshot_date")
    found = said.join(same, ["listed", "snapshot_date"], how="left_anti").select(
        F.col("listed").alias(KEY)
    )
    if missing == "invalidate" or any(days.values()):
        # With 'ignore', a list that lacks a product only ends what the replaced one had begun.
        lost = covered if missing == "invalidate" else listed == F.col("effective_date")
        each = frame_of(pending.sparkSession, ((day,) for day in days), "snapshot_date date")
        there = history.join(F.broadcast(each), lost).select(KEY, "snapshot_date")
        found = found.unionByName(
            there.join(pending, [KEY, "snapshot_date"], how="left_anti").select(KEY)
        )
    return found.distinct()


def _cut(history: DataFrame, following: Following) -> DataFrame:
    """Versions without the days of pending lists: one row a stretch that is left."""
    days = F.array(
        *(
            F.struct(F.lit(day).alias("day"), F.lit(after).cast("date").alias("after"))
            for day, after in following.items()
        )
    )
    start, end = F.col("effective_date"), F.col("end_date")

    def is_cut(each: Column) -> Column:
        return (start <= each["day"]) & (end.isNull() | (each["day"] < end))

    cuts = F.filter(days, is_cut)
    starts = F.concat(F.array(start), F.transform(cuts, lambda each: each["after"]))
    stops = F.concat(F.transform(cuts, lambda each: each["day"]), F.array(end))
    parts = F.arrays_zip(starts.alias("start"), stops.alias("stop"))
    left = F.col("stop").isNull() | (F.col("start") < F.col("stop"))
    cut = history.select(KEY, *TRACKED, "effective_date", F.inline(parts))
    return cut.where(F.col("start").isNotNull() & left)


def _from_next_listing(
    kept: DataFrame, lists: DataFrame, dates: dict[date, int], following: Following
) -> DataFrame:
    """What is left of versions behind a cut, from the next list on that has the product.

    Mostly that is the list right after the pending one, and no other is read.
    """
    near = {day: dates[day] for day in following.values() if day and day not in following}
    whole = kept.where(F.col("start") == F.col("effective_date"))
    if not near:
        return whole
    behind = kept.where(F.col("start") > F.col("effective_date"))
    next_ones = effective(lists.where(F.col("snapshot_date").isin(list(near))), near)
    listed = next_ones.select(KEY, F.col("snapshot_date").alias("start"))
    sure = whole.unionByName(behind.join(listed, [KEY, "start"], how="left_semi"))
    unsure = behind.join(listed, [KEY, "start"], how="left_anti")
    if unsure.isEmpty():
        return sure
    later = lists.where(F.col("snapshot_date") > F.lit(min(near)))
    rows = effective(later, revisions(later)).select(F.col(KEY).alias("listed"), "snapshot_date")
    is_after = (F.col("snapshot_date") > F.col("start")) & (
        F.col("stop").isNull() | (F.col("snapshot_date") < F.col("stop"))
    )
    found = unsure.join(rows, (F.col(KEY) == F.col("listed")) & is_after)
    again = found.groupBy(KEY, *TRACKED, "effective_date", "start", "stop").agg(
        F.min("snapshot_date").alias("again")
    )
    return sure.unionByName(again.drop("start").withColumnRenamed("again", "start"))
