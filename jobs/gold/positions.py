"""Up to where gold is, and bronze as it is now: all reads of a load see one state of bronze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.contracts import COUNTRIES, PRODUCTS, TRANSACTIONS_RAW, Table
from jobs.common.db import transaction
from jobs.common.lake import read_at, snapshot_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.runlog import Run
    from jobs.gold.merge import SourceFile


@dataclass(frozen=True)
class Positions:
    """Snapshots of the bronze tables: up to where gold is, and as they are now."""

    taken: dict[str, int]
    now: dict[str, int]

    def read(self, spark: SparkSession, table: Table) -> DataFrame:
        """The table as it is now: all reads of a run see one state, which it then records."""
        if table.full_name in self.now:
            return read_at(spark, table, self.now[table.full_name])
        return spark.table(table.full_name)

    def moved(self, table: Table) -> bool:
        """Whether the table has something that gold has not taken in."""
        return (
            table.full_name in self.now
            and self.taken.get(table.full_name) != self.now[table.full_name]
        )


def positions(spark: SparkSession, run: Run) -> Positions:
    """Read both."""
    with transaction(run.conn) as cur:
        cur.execute("SELECT table_name, snapshot_id FROM ops.watermarks")
        taken = dict(cur.fetchall())
    tables = (TRANSACTIONS_RAW, PRODUCTS, COUNTRIES)
    now = {t.full_name: snapshot_id(spark, t) for t in tables}
    return Positions(taken, {name: s for name, s in now.items() if s is not None})


def lines_taken(spark: SparkSession, at: Positions, new: list[SourceFile]) -> DataFrame | None:
    """Rows of `transactions_raw` that gold has taken, new files out; None when it has none."""
    if TRANSACTIONS_RAW.full_name not in at.taken:
        return None
    rows = at.read(spark, TRANSACTIONS_RAW)
    if not new:
        return rows
    hashes = spark.createDataFrame([(f.sha256,) for f in new], "file_sha256 string")
    return rows.join(F.broadcast(hashes), "file_sha256", how="left_anti")
