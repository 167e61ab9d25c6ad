"""What a step of maintenance is given, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.common.contracts import DW, Table
from jobs.common.job import thousands
from jobs.common.lake import iceberg_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.runlog import Run
    from jobs.common.settings import Settings


@dataclass(frozen=True)
class Place:
    """A table of the lake under maintenance, and when."""

    spark: SparkSession
    run: Run
    table: Table
    now: datetime

    @property
    def settings(self) -> Settings:
        """Those of the run."""
        return self.run.settings

    @property
    def iceberg(self) -> Any:
        """The table as Iceberg has it now."""
        return iceberg_table(self.spark, self.table)

    @property
    def lock(self) -> str:
        """The lock of whoever writes the table."""
        if self.table.database == DW:
            return "dw"
        return f"bronze.{self.table.name.partition('_')[0]}"

    def call(self, procedure: str, arguments: str = "") -> list[dict[str, Any]]:
        """Call one of Iceberg's own procedures on the table."""
        rows = self.spark.sql(
            f"CALL spark_catalog.system.{procedure}(table => '{self.table.full_name}'{arguments})"
        )
        return [row.asDict() for row in rows.collect()]


@dataclass(frozen=True)
class Work:
    """Files and bytes that a step deals with, since when the oldest is there, and what else.

    `rounds`: in how many parts, so that no lock is held for long.
    """

    files: int = 0
    size: int = 0
    oldest: datetime | None = None
    more: dict[str, int] = field(default_factory=dict)
    rounds: int = 1

    def __bool__(self) -> bool:
        return bool(self.files or any(self.more.values()))

    @property
    def counts(self) -> dict[str, int]:
        """For the run row."""
        told = {name: count for name, count in self.more.items() if count}
        return {"files": self.files, "bytes": self.size, **told}

    def __str__(self) -> str:
        words = [f"{thousands(self.files)} files", f"{thousands(self.size)} bytes"]
        words += [f"{thousands(count)} {name}" for name, count in self.more.items()]
        if self.oldest:
            words.append(f"the oldest of {self.oldest:%Y-%m-%d %H:%M}")
        return ", ".join(words)


@dataclass(frozen=True)
class Step:
    """A kind of maintenance of the lake's tables.

    `plan` looks and changes nothing; `load` does what it said and tells what was done. `verbs`
    say it, before and after.
    """

    name: str
    verbs: tuple[str, str]
    plan: Callable[[Place], Work]
    load: Callable[[Place, Work], Work]
    # Whether what a load of gold reads may go: then not beside one.
    takes_away: bool = False

    def locks(self, place: Place) -> tuple[str, ...]:
        """What it holds while it works on a table."""
        return ("gold", place.lock) if self.takes_away else (place.lock,)


def timestamp(moment: datetime) -> str:
    """A time as a SQL literal; sessions are in UTC."""
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"
