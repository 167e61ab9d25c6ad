"""Months that left gold: their lines are in `ecommerce_dw` alone, and loads leave them as they are.

They are the oldest ones without a gap. An ordinary run asks once whether there are any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.contracts import DW_FACT
from jobs.common.dates import next_month
from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Archive:
    """The archived months, each with the run that archived it; falsy when there are none."""

    runs: dict[date, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.runs)

    @property
    def past(self) -> date:
        """The first day that gold can hold lines of."""
        return next_month(max(self.runs))

    def before(self, month: date) -> Archive:
        """What is left of it once this month and later ones are back in gold."""
        return Archive({each: run for each, run in self.runs.items() if each < month})

    def lines(self, spark: SparkSession) -> DataFrame:
        """Lines of the archived months, as the lake has them."""
        year, month = F.col("year"), F.col("month")  # partitions are told by these alone
        older = (year == self.past.year) & (month < self.past.month)
        return spark.table(DW_FACT.full_name).where((year < self.past.year) | older)

    def ids(self, spark: SparkSession) -> DataFrame:
        """One row an archived line: its `transaction_id`, and by which run, `archived_by`."""
        rows = [(month.year, month.month, run) for month, run in self.runs.items()]
        runs = frame_of(spark, rows, "year int, month int, archived_by bigint")
        joined = self.lines(spark).join(F.broadcast(runs), ["year", "month"])
        return joined.select("transaction_id", "archived_by")


def archive(cur: Cursor) -> Archive:
    """The archived months, as gold tells."""
    cur.execute("SELECT month, run_id FROM ops.archived_months ORDER BY month")
    return Archive(dict(cur.fetchall()))
