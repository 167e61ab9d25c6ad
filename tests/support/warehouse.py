"""An empty warehouse to deliver files to, and to look into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.bronze import ingest_countries, ingest_products, ingest_transactions
from jobs.common.contracts import BRONZE_TABLES, DW_TABLES, Table
from jobs.common.job import JobContext
from jobs.common.lake import create_table, ensure_tables, get_property, snapshot_id
from jobs.common.landing import Dataset
from jobs.common.runlog import Run
from jobs.gold import postgres_load_fact
from tests.support import databases
from tests.support.databases import Rows
from tests.support.rows import csv_text

Content = str | bytes | Sequence[Mapping[str, Any]]

INGESTIONS: dict[Dataset, Callable[..., Run]] = {
    "products": ingest_products.run,
    "countries": ingest_countries.run,
    "transactions": ingest_transactions.run,
}


@dataclass
class Warehouse:
    """Landing directory, lake and a gold database of one test or module."""

    context: JobContext
    landing: Path

    @property
    def spark(self) -> Any:
        return self.context.session

    @property
    def settings(self) -> Any:
        return self.context.settings

    def emptied(self) -> Warehouse:
        """The same, its lake without a row."""
        ensure_tables(self.spark, self.settings)
        for table in BRONZE_TABLES + DW_TABLES:
            if self._is_written(table):
                self.spark.sql(f"DROP TABLE {table.full_name} PURGE")
                self.spark.sql(create_table(table).rstrip(";\n"))
        return self

    def _is_written(self, table: Table) -> bool:
        return (
            snapshot_id(self.spark, table) is not None
            or get_property(self.spark, table, "warehouse.built-from") is not None
        )

    def deliver(self, dataset: Dataset, name: str, content: Content) -> Path:
        """Put a file into landing: text and bytes as they are, rows as CSV with a header."""
        path = self.landing / dataset / name
        path.parent.mkdir(exist_ok=True)
        if not isinstance(content, str | bytes):
            content = csv_text(dataset, content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def ingest(self, **options: Any) -> dict[Dataset, Run]:
        """Run the ingestions that have something waiting, products first."""
        return {
            dataset: run(self.context, **({} if dataset == "transactions" else options))
            for dataset, run in INGESTIONS.items()
            if self.waiting(dataset)
        }

    def waiting(self, dataset: Dataset) -> list[str]:
        """Names that lie in a dataset's landing directory."""
        folder = self.landing / dataset
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def load(self) -> Run:
        """Bring gold up to bronze."""
        return postgres_load_fact.run(self.context)

    def take(self, **options: Any) -> Run:
        """Ingest what waits, then load."""
        self.ingest(**options)
        return self.load()

    def bronze(self, table: Table, *columns: str) -> Rows:
        """Rows of a table of the lake, sorted."""
        frame = self.spark.table(table.full_name).select(*(columns or table.column_names))
        return sorted(map(tuple, frame.collect()), key=repr)

    def data(self, table: Table) -> list[Path]:
        """Data files of a table of the lake, as it is now."""
        files = self.spark.table(f"{table.full_name}.files").select("file_path").collect()
        return [Path(row[0].removeprefix("file:")) for row in files]

    def gold_rows(self, statement: str, *values: Any) -> Rows:
        """Rows of gold, as its owner sees them."""
        return databases.query(self.settings, statement, *values)

    def gold_state(self) -> dict[str, Rows]:
        """What gold tells its readers."""
        return databases.state(self.settings)

    def close(self) -> None:
        """Remove the gold database; the next warehouse empties the lake."""
        databases.drop(self.settings)
