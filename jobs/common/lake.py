"""The lake's tables: their DDL from the contracts, and what a commit tells about itself.

`python -m jobs.common.lake > hive/init_hive.sql` writes the DDL anew; a test holds the two
together.
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

from jobs.common.contracts import BRONZE, BRONZE_TABLES, DW, DW_TABLES, Table
from jobs.common.points import effect
from jobs.common.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

# A property of `products` and `countries`: up to which of their snapshots they tell. Set after
# their rows are committed, so whoever reads it first and the rows then is on the safe side.
BUILT_FROM = "warehouse.built-from"
# The operation of a snapshot whose rows are those of the one before, in other files.
REWRITTEN = "replace"
SMALLEST_SPLIT = 16 << 20  # bytes: Iceberg's own, when it deals out a small scan
OURS = "warehouse."  # what a snapshot says of itself in our words
INIT_SQL = PROJECT_ROOT / "hive" / "init_hive.sql"
HEADER = """\
-- Purpose: databases and tables of the lake. Harmless when they exist.
-- Parameter: ${lake}, the URI below which the databases lie.
-- Run by:  the first job of a home (jobs/common/lake.py), through Spark SQL.
-- Written by `python -m jobs.common.lake` from jobs/common/contracts.py; do not edit.
"""


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def create_table(table: Table) -> str:
    """The CREATE TABLE statement of a contract."""
    names = max(len(column.name) for column in table.columns)
    types = max(len(column.type) for column in table.columns)
    columns = ",\n".join(
        f"    {c.name:<{names}} {c.type.upper():<{types}} COMMENT {_quote(c.comment)}"
        for c in table.columns
    )
    partitions = (
        f"\nPARTITIONED BY ({', '.join(table.partitioned_by)})" if table.partitioned_by else ""
    )
    properties = ",\n".join(f"    {_quote(k)} = {_quote(v)}" for k, v in table.properties)
    return (
        f"CREATE TABLE IF NOT EXISTS {table.full_name} (\n{columns}\n)\nUSING iceberg{partitions}\n"
        f"COMMENT {_quote(table.grain)}\nTBLPROPERTIES (\n{properties}\n);\n"
    )


def init_sql() -> str:
    """The whole of `hive/init_hive.sql`."""
    databases = "".join(
        f"CREATE DATABASE IF NOT EXISTS {name}\nCOMMENT {_quote(comment)}\n"
        f"LOCATION '${{lake}}/{name}.db';\n\n"
        for name, comment in (
            (BRONZE, "Bronze: what arrived, as it arrived"),
            (DW, "The star schema of gold, copied daily"),
        )
    )
    return f"{HEADER}\n{databases}" + "\n".join(create_table(t) for t in BRONZE_TABLES + DW_TABLES)


def ensure_tables(spark: SparkSession, settings: Settings) -> None:
    """Make the lake's databases and tables where they are missing."""
    if spark.catalog.databaseExists(DW) and spark.catalog.tableExists(DW_TABLES[-1].full_name):
        return
    make_tables(spark, settings)


def make_tables(spark: SparkSession, settings: Settings) -> None:
    """Run `hive/init_hive.sql`: each database and table, unless it exists."""
    text = Template(INIT_SQL.read_text(encoding="utf-8")).substitute(lake=settings.lake)
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for statement in code.split(";\n"):
        if statement.strip():
            with effect("the making of a table of the lake"):
                spark.sql(statement)


def snapshot_id(spark: SparkSession, table: Table) -> int | None:
    """The table's current Iceberg snapshot; None when nothing was ever written."""
    snapshot = iceberg_table(spark, table).currentSnapshot()
    return int(snapshot.snapshotId()) if snapshot else None


def read_at(spark: SparkSession, table: Table, snapshot: int) -> DataFrame:
    """The table as it was at a snapshot, whatever is committed meanwhile."""
    return _reader(spark).option("versionAsOf", snapshot).load(table.full_name)


def read_since(spark: SparkSession, table: Table, start: int, end: int) -> DataFrame:
    """Rows appended after snapshot `start`, up to `end`."""
    reader = _reader(spark).option("start-snapshot-id", start)
    return reader.option("end-snapshot-id", end).load(table.full_name)


def _reader(spark: SparkSession) -> DataFrameReader:
    """Of a small scan each file is a task of its own: together some would keep one core alone."""
    return spark.read.format("iceberg").option("file-open-cost", SMALLEST_SPLIT)


def has_snapshot(spark: SparkSession, table: Table, snapshot: int) -> bool:
    """Whether the table can still be read as it was then."""
    return iceberg_table(spark, table).snapshot(snapshot) is not None


def is_ancestor(spark: SparkSession, table: Table, snapshot: int) -> bool:
    """Whether a snapshot still is in the history of the table's current state."""
    jvm = spark._jvm
    assert jvm is not None  # noqa: S101 - a live session has one
    util = jvm.org.apache.iceberg.util.SnapshotUtil
    return bool(util.isAncestorOf(iceberg_table(spark, table), snapshot))


def written_by(spark: SparkSession, table: Table) -> Any:
    """The snapshot that last changed rows; None when there is none to tell.

    Maintenance puts the same rows into other files: its snapshots are looked through, but for one
    that has our words: an erasure leaves no other.
    """
    iceberg = iceberg_table(spark, table)
    snapshot = iceberg.currentSnapshot()
    while snapshot is not None and snapshot.operation() == REWRITTEN and not our_words(snapshot):
        before = snapshot.parentId()
        snapshot = iceberg.snapshot(before) if before is not None else None
    return snapshot


def our_words(snapshot: Any) -> dict[str, str]:
    """What a snapshot says of itself in our words."""
    told = dict(snapshot.summary()) if snapshot is not None else {}
    return {name: value for name, value in told.items() if name.startswith(OURS)}


def summary(spark: SparkSession, table: Table) -> dict[str, str]:
    """What the last change of rows says of itself, our own `warehouse.*` entries among it."""
    snapshot = written_by(spark, table)
    return dict(snapshot.summary()) if snapshot else {}


def rows_at(spark: SparkSession, table: Table, snapshot: int) -> int | None:
    """How many rows the table had at a snapshot, by its summary: no Spark job."""
    found = iceberg_table(spark, table).snapshot(snapshot)
    total = found.summary().get("total-records") if found else None
    return int(total) if total is not None else None


def get_property(spark: SparkSession, table: Table, name: str) -> str | None:
    """A table property; None when it was never set."""
    value = iceberg_table(spark, table).properties().get(name)
    return str(value) if value is not None else None


def is_partitioned(spark: SparkSession, table: Table) -> bool:
    """Whether new files of the table lie in partitions."""
    return bool(iceberg_table(spark, table).spec().isPartitioned())


def metadata_file(spark: SparkSession, table: Table) -> tuple[str, str]:
    """Where the table lies, and the metadata file that is its current state."""
    iceberg = iceberg_table(spark, table)
    return str(iceberg.location()), str(iceberg.operations().current().metadataFileLocation())


def set_property(spark: SparkSession, table: Table, name: str, value: str) -> None:
    """Set a table property, in a commit of its own."""
    iceberg_table(spark, table).updateProperties().set(name, value).commit()
    spark.catalog.refreshTable(table.full_name)


def iceberg_table(spark: SparkSession, table: Table) -> Any:
    """The table as Iceberg's own library has it, its state read afresh."""
    jvm = spark._jvm
    assert jvm is not None  # noqa: S101 - a live session has one
    spark.catalog.refreshTable(table.full_name)
    return jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
        spark._jsparkSession, table.full_name
    )


if __name__ == "__main__":
    print(init_sql(), end="")
