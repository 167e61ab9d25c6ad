"""Up to where gold is, and bronze as it is now: all reads of a load see one state of bronze."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.contracts import (
    COUNTRIES,
    COUNTRIES_SNAPSHOTS,
    PRODUCTS,
    PRODUCTS_SNAPSHOTS,
    TRANSACTIONS_RAW,
    Table,
)
from jobs.common.db import transaction
from jobs.common.frames import frame_of
from jobs.common.lake import (
    BUILT_FROM,
    get_property,
    has_snapshot,
    is_ancestor,
    read_at,
    read_since,
    rows_at,
    snapshot_id,
)
from jobs.gold.staged import ListFile, SourceFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.runlog import Run

OWN_SNAPSHOT = 6  # its place in what a table says of itself
FOLLOWED = (TRANSACTIONS_RAW, PRODUCTS, COUNTRIES)
LISTS = {"products": (PRODUCTS, PRODUCTS_SNAPSHOTS), "countries": (COUNTRIES, COUNTRIES_SNAPSHOTS)}


@dataclass(frozen=True)
class Positions:
    """Snapshots of the bronze tables: up to where gold is, and as they are now.

    And what products were built by, beyond their lists: those that gold has, and those of now.
    """

    taken: dict[str, int]
    now: dict[str, int]
    taken_mode: str | None = None
    mode: str | None = None

    def read(self, spark: SparkSession, table: Table) -> DataFrame:
        """The table as it is now: all reads of a run see one state, which it then records."""
        if table.full_name in self.now:
            return read_at(spark, table, self.now[table.full_name])
        return spark.table(table.full_name)

    def rows(self, spark: SparkSession, table: Table) -> int | None:
        """How many rows `read` gives, as the table's metadata tells; None when it does not."""
        snapshot = self.now.get(table.full_name)
        return None if snapshot is None else rows_at(spark, table, snapshot)

    @property
    def all_taken(self) -> bool:
        """Whether gold has all that bronze has."""
        return all(self.taken.get(name) == snapshot for name, snapshot in self.now.items())

    def moved(self, table: Table) -> bool:
        """Whether the table has something that gold has not taken in."""
        return (
            table.full_name in self.now
            and self.taken.get(table.full_name) != self.now[table.full_name]
        )


def positions(spark: SparkSession, run: Run) -> Positions:
    """Read both. Of the lists, "now" is what products and countries were built from."""
    with transaction(run.conn) as cur:
        cur.execute("SELECT table_name, snapshot_id, mode FROM ops.watermarks")
        rows = cur.fetchall()
    told = {table: built_from(spark, table) for table, _ in LISTS.values()}
    now = {lists.full_name: _number(told[table], 0) for table, lists in LISTS.values()}
    now |= {table.full_name: snapshot_id(spark, table) for table in FOLLOWED}
    return Positions(
        {name: snapshot for name, snapshot, _ in rows},
        {name: snapshot for name, snapshot in now.items() if snapshot is not None},
        {name: mode for name, _, mode in rows}.get(PRODUCTS.full_name),
        _mode(told[PRODUCTS], now[PRODUCTS.full_name]),
    )


def built_from(spark: SparkSession, table: Table) -> list[str]:
    """What a table says of itself: its lists' snapshot, by what mode it was built, and more.

    The last word is the table's own snapshot then, in homes that say so.
    """
    return (get_property(spark, table, BUILT_FROM) or "").split()


def _number(words: list[str], place: int) -> int | None:
    return int(words[place]) if len(words) > place else None


def _mode(words: list[str], snapshot: int | None) -> str | None:
    """None when the rows may have been built otherwise: by a run that died before it said so."""
    is_of_rows = _number(words, OWN_SNAPSHOT) in (None, snapshot)
    return words[1] if len(words) > 1 and is_of_rows else None


def new_lists(spark: SparkSession, at: Positions) -> list[ListFile]:
    """The products and countries files that gold has not taken."""
    found = []
    for dataset, (_, lists) in LISTS.items():
        if not at.moved(lists):
            continue
        since, now = at.taken.get(lists.full_name), at.now[lists.full_name]
        if not has_snapshot(spark, lists, now):
            continue  # it was expired by hand: these lists are told once the history says more
        rows = at.read(spark, lists)
        if since is not None and is_ancestor(spark, lists, since):
            rows = read_since(spark, lists, since, now)
        files = rows.groupBy("snapshot_date", "file_sha256", "source_file")
        counted = files.agg(F.count("*"), F.max("revision")).collect()
        found += [ListFile(dataset, *row) for row in counted]
    return found


def changed_since(at: Positions, lists: list[ListFile]) -> date | None:
    """The day before which no product's price can have changed; None when any may have.

    Lists of later days alone say nothing of the days before, unless they replace others (what
    had ended that day may be current again) or a product that is missing from a list means
    something else by now.
    """
    products = [each for each in lists if each.dataset == "products"]
    if not products or PRODUCTS.full_name not in at.taken or at.taken_mode != at.mode:
        return None
    if at.mode is None or any(each.revision for each in products):
        return None
    return min(each.snapshot_date for each in products)


def lines_taken(spark: SparkSession, at: Positions, new: list[SourceFile]) -> DataFrame | None:
    """Rows of `transactions_raw` that gold has taken, new files out; None when it has none."""
    if TRANSACTIONS_RAW.full_name not in at.taken:
        return None
    rows = at.read(spark, TRANSACTIONS_RAW)
    if not new:
        return rows
    hashes = frame_of(spark, [(f.sha256,) for f in new], "file_sha256 string")
    return rows.join(F.broadcast(hashes), "file_sha256", how="left_anti")
