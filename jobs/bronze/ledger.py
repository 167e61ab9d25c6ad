"""Which dated lists bronze holds, told by bronze alone.

An ordinary run asks nothing of the lists' table: up to which snapshot of it the history was
built, and which list was the latest then, stands in a property of the history's table. While
the snapshot is still the current one, that is all there is to know of a list dated later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.contracts import Table
from jobs.common.frames import frame_of
from jobs.common.lake import BUILT_FROM, get_property, snapshot_id
from jobs.common.landing import LandingFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


NEAR = 62  # days in which the list before or after another mostly is


@dataclass(frozen=True)
class Accepted:
    """The list of a date that counts: its revision, hash and rows."""

    revision: int
    sha256: str
    rows: int


Ledger = dict[date, Accepted]


@dataclass(frozen=True)
class BuiltFrom:
    """Up to where a history tells of its lists: a snapshot of theirs, and the latest list.

    `mode` is what the history was built by, beyond the lists; `history` its own snapshot. While
    that is another one, a run wrote the history and died before it said so here.
    """

    snapshot: int
    mode: str
    newest: date | None = None
    accepted: Accepted | None = None
    history: int | None = None


@dataclass
class Held:
    """What bronze holds, as far as a run has to know.

    `at` is the lists' snapshot before the run; `ledger` has the lists that matter to it, and
    the latest of all; `taken` are the dates, with revisions, of those that the run took.
    """

    at: int | None = None
    ledger: Ledger = field(default_factory=dict)
    taken: dict[date, int] = field(default_factory=dict)

    def take(self, day: date, sha256: str, rows: int) -> None:
        """A list was appended."""
        revision = self.next_revision(day)
        self.ledger[day] = Accepted(revision, sha256, rows)
        self.taken[day] = revision

    def next_revision(self, day: date) -> int:
        """The revision that a list of this date would be."""
        return self.ledger[day].revision + 1 if day in self.ledger else 0


def read_built_from(spark: SparkSession, history: Table) -> BuiltFrom | None:
    """What a history says of itself; None when it was never built."""
    words = (get_property(spark, history, BUILT_FROM) or "").split()
    if not words:
        return None
    snapshot, mode = int(words[0]), "".join(words[1:2])
    if len(words) < 7:  # as homes had it before
        return BuiltFrom(snapshot, mode)
    day, revision, sha256, rows, own = words[2:]
    accepted = Accepted(int(revision), sha256, int(rows))
    return BuiltFrom(snapshot, mode, date.fromisoformat(day), accepted, int(own))


def note_built_from(
    spark: SparkSession, lists: Table, history: Table, mode: str, newest: date, held: Held
) -> str:
    """What a history is to say of itself once it tells of all lists."""
    if newest not in held.ledger:
        held.ledger |= read_ledger(spark, lists, newest, newest)
    latest = held.ledger[newest]
    words = (snapshot_id(spark, lists), mode, newest, latest.revision, latest.sha256, latest.rows)
    return " ".join(map(str, (*words, snapshot_id(spark, history))))


def read_held(
    spark: SparkSession, lists: Table, history: Table, files: Iterable[LandingFile]
) -> Held:
    """What has to be known of what bronze holds to judge these files."""
    held = Held(snapshot_id(spark, lists))
    if held.at is None:
        return held
    built = read_built_from(spark, history)
    if built is None or built.snapshot != held.at or built.newest is None or not built.accepted:
        held.ledger = read_ledger(spark, lists)
        return held
    held.ledger = {built.newest: built.accepted}
    newest = (built.newest, built.accepted.sha256)
    old = [f.day for f in files if f.day <= built.newest and (f.day, f.sha256) != newest]
    if old:
        held.ledger |= read_ledger(spark, lists, _before(spark, lists, min(old)), max(old))
    return held


def _before(spark: SparkSession, lists: Table, day: date) -> date:
    """The date of the latest list before a day; the day, when there is none."""
    earlier = spark.table(lists.full_name).where(F.col("snapshot_date") < F.lit(day))
    near = earlier.where(F.col("snapshot_date") >= F.date_sub(F.lit(day), NEAR))
    return max(revisions(near) or revisions(earlier), default=day)


def read_ledger(
    spark: SparkSession, lists: Table, first: date = date.min, last: date = date.max
) -> Ledger:
    """The lists that bronze holds of these dates."""
    day = F.col("snapshot_date")
    rows = spark.table(lists.full_name)
    if (first, last) != (date.min, date.max):
        rows = rows.where(day.between(F.lit(first), F.lit(last)))
    files = rows.groupBy("snapshot_date", "revision", "file_sha256").count()
    found = files.orderBy("snapshot_date", "revision").collect()
    return {row[0]: Accepted(row[1], row[2], row[3]) for row in found}


def revisions(lists: DataFrame) -> dict[date, int]:
    """The highest revision of each date."""
    rows = lists.groupBy("snapshot_date").agg(F.max("revision")).collect()
    return {row[0]: row[1] for row in rows}


def dates_between(lists: DataFrame, first: date, last: date, newest: date) -> dict[date, int]:
    """The dates of lists from `first` on, up to the first one after `last` or further.

    Args:
        lists: rows of lists, those of `last` among them.
        first: the first date.
        last: the date to pass.
        newest: the latest date of all but those of `last`, whatever these are.

    Returns:
        As `revisions`.
    """
    if first > newest:
        return {}
    later = lists.where(F.col("snapshot_date") >= F.lit(first))
    near = revisions(later.where(F.col("snapshot_date") <= F.date_add(F.lit(last), NEAR)))
    return near if last >= newest or max(near) > last else revisions(later)


def effective(lists: DataFrame, dates: dict[date, int]) -> DataFrame:
    """The rows that count: of each date, the highest revision.

    Args:
        dates: what `revisions` gives of the same rows, at least.
    """
    if not any(dates.values()):
        return lists
    highest = frame_of(lists.sparkSession, dates.items(), "snapshot_date date, revision int")
    return lists.join(F.broadcast(highest), ["snapshot_date", "revision"], how="left_semi")
