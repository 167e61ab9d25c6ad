"""Parsed rows → Parquet files of an Iceberg table, written where they were parsed → one commit.

Spark would take each value out of Arrow's columns and put it into Parquet's again; Arrow writes its
columns as they are. What a manifest says of a file is read from the file by Iceberg's own library,
which commits, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from jobs.common.filesystem import AT_ONCE, HadoopFiles, is_local, local_path
from jobs.common.lake import iceberg_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.common.contracts import Table

FIELD_ID = b"PARQUET:field_id"  # how Arrow is told the number that Iceberg knows a column by
MONTHS = "month"  # Iceberg's transform
NO_MONTH = np.iinfo(np.int64).max  # of a row without a time, behind all others
WRITTEN = "uri string, month int"  # a data file, as a row

Part = tuple[int | None, pa.Table]  # the rows of a month


class DataFile(NamedTuple):
    """A file of rows of one month, counted from January 1970; None where rows have no time."""

    uri: str
    month: int | None


@dataclass(frozen=True)
class Target:
    """What a writer of data files knows of their table.

    Args:
        location: URI of the directory that they go to.
        schema: the columns, with Iceberg's numbers.
        partition: name of the partition field; None where the table has none.
        time: the column by whose months the table is partitioned.
        mark: part of the names of all files that are written for one commit.
    """

    location: str
    schema: pa.Schema
    partition: str | None
    time: str | None
    mark: str

    @property
    def is_local(self) -> bool:
        """Whether Python can write there."""
        return is_local(self.location)


class Written(NamedTuple):
    """What was written for a commit."""

    target: Target
    files: list[DataFile]


def as_rows(files: Iterable[DataFile]) -> pa.Table:
    """The files, columns `WRITTEN`."""
    schema = pa.schema([("uri", pa.string()), ("month", pa.int32())])
    return pa.Table.from_pylist([file._asdict() for file in files], schema)


def target_of(spark: SparkSession, table: Table) -> Target | None:
    """The table's; None when someone partitioned it by other than months of one column."""
    iceberg = iceberg_table(spark, table)
    columns = iceberg.schema()
    fields = list(iceberg.spec().fields())
    if fields and [str(field.transform()) for field in fields] != [MONTHS]:
        return None
    partition, time = next(
        ((f.name(), columns.findColumnName(f.sourceId())) for f in fields), (None, None)
    )
    struct: Any = StructType.fromDDL(table.schema)
    types = to_arrow_schema(struct)
    numbered = [
        each.with_metadata({FIELD_ID: str(columns.findField(each.name).fieldId())})
        for each in types
    ]
    location = iceberg.locationProvider().newDataLocation("").rstrip("/")
    return Target(location, pa.schema(numbered), partition, time, uuid4().hex)


def write(rows: pa.Table, target: Target) -> list[DataFile]:
    """Write the rows, a file a month, into a directory of this machine.

    Args:
        rows: columns of the table, in its order.
        target: the table.
    """
    cast = rows.cast(target.schema)
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(partial(_write, target=target), _by_month(cast, target.time)))


def _write(part: Part, target: Target) -> DataFile:
    month, rows = part
    directory = target.location
    if target.partition:
        directory += f"/{target.partition}={_named(month)}"
    # A task that is tried again must not write into the file of one that still does.
    uri = f"{directory}/{target.mark}-{uuid4().hex[:8]}.parquet"
    path = local_path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Iceberg has decimals of so few digits as integers, and zstd.
    parquet.write_table(
        rows, path, compression="zstd", store_decimal_as_integer=True, store_schema=False
    )
    return DataFile(uri, month)


def _by_month(rows: pa.Table, time: str | None) -> Iterator[Part]:
    """The rows of each month, in their order."""
    if time is None:
        yield None, rows
        return
    months = _months(rows[time])
    if (np.diff(months) < 0).any():
        order = np.argsort(months, kind="stable")
        rows, months = rows.take(order), months[order]
    found, starts = np.unique(months, return_index=True)
    for month, start, end in zip(found, starts, np.append(starts, len(rows))[1:], strict=True):
        yield None if month == NO_MONTH else int(month), rows.slice(start, end - start)


def _months(times: pa.ChunkedArray) -> Any:
    since = pc.add(
        pc.multiply(pc.subtract(pc.year(times), 1970), 12), pc.subtract(pc.month(times), 1)
    )
    return pc.fill_null(since, NO_MONTH).to_numpy()


def _named(month: int | None) -> str:
    return "null" if month is None else f"{1970 + month // 12:04}-{month % 12 + 1:02}"


def write_by_driver(spark: SparkSession, rows: pa.Table, target: Target) -> list[DataFile]:
    """The same from the driver, to wherever the table lies."""
    if target.is_local:
        with whole_or_none(target):
            return write(rows, target)
    files = HadoopFiles(spark, target.location)
    with tempfile.TemporaryDirectory() as scratch:
        here = f"file:{scratch}"
        written = write(rows, replace(target, location=here))
        moved = [file._replace(uri=file.uri.replace(here, target.location, 1)) for file in written]
        pairs = zip(written, moved, strict=True)
        files.each(lambda pair: files.put(local_path(pair[0].uri), pair[1].uri), pairs)
    return moved


def commit(spark: SparkSession, table: Table, files: Iterable[DataFile]) -> None:
    """Append files that were written for the table, in one commit."""
    jvm: Any = spark._jvm
    org, iceberg = jvm.org.apache.iceberg, iceberg_table(spark, table)
    spec, metrics = iceberg.spec(), org.MetricsConfig.forTable(iceberg)

    def told(file: DataFile) -> Any:
        found = iceberg.io().newInputFile(file.uri)
        says = org.parquet.ParquetUtil.fileMetrics(found, metrics)
        built = org.DataFiles.builder(spec).withInputFile(found).withMetrics(says)
        if spec.isPartitioned():
            partition = org.PartitionData(spec.partitionType())
            partition.set(0, file.month)
            built = built.withPartition(partition)
        return built.withFormat("parquet").build()

    append = iceberg.newAppend()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for file in pool.map(told, files):
            append.appendFile(file)
    append.commit()
    spark.catalog.refreshTable(table.full_name)


@contextmanager
def whole_or_none(target: Target) -> Iterator[None]:
    """What was written is deleted when not all could be."""
    try:
        yield
    except BaseException:
        discard(target)
        raise


def discard(target: Target) -> None:
    """Delete what was written on this machine and is not to be committed."""
    for path in local_path(target.location).rglob(f"{target.mark}-*.parquet"):
        path.unlink(missing_ok=True)
