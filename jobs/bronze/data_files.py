"""Parsed rows → Parquet files of an Iceberg table, written where they were parsed → one commit.

Spark would take each value out of Arrow's columns and put it into Parquet's again; Arrow writes its
columns as they are. What a manifest says of a file is read from the file by Iceberg's own library,
which commits, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
# Of a file, at most: it is one row group. Of long texts Arrow keeps no bounds, and what Iceberg
# tells of a file with several groups would then be the bounds of the others.
FILE_ROWS = 1 << 20
WRITERS = 2  # at once: Parquet is made outside the interpreter
WRITTEN = "uri string, month int"  # a data file, as a row

Month = tuple[int | None, pa.Table]  # rows of a month, or a part of them
Put = Callable[[str, pa.Buffer], None]  # makes a file


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
        spec: number of the partitioning that they are written for.
        partition: name of its field; None where the table has none.
        time: the column by whose months the table is partitioned.
        mark: how the names of all files begin that are written for one commit.
    """

    location: str
    schema: pa.Schema
    spec: int
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
    """The table's; None when someone gave it other columns, or other partitions than months."""
    found = iceberg_table(spark, table)
    columns, fields = found.schema(), list(found.spec().fields())
    if fields and [str(field.transform()) for field in fields] != [MONTHS]:
        return None
    struct: Any = StructType.fromDDL(table.schema)
    numbered = []
    for each in to_arrow_schema(struct):
        column = columns.findField(each.name)
        if column is None:
            return None
        numbered.append(each.with_metadata({FIELD_ID: str(column.fieldId())}))
    return Target(
        found.locationProvider().newDataLocation("").rstrip("/"),
        pa.schema(numbered),
        found.spec().specId(),
        fields[0].name() if fields else None,
        columns.findColumnName(fields[0].sourceId()) if fields else None,
        uuid4().hex,
    )


def _put_here(uri: str, content: pa.Buffer) -> None:
    path = local_path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write(rows: pa.Table, target: Target, put: Put = _put_here) -> list[DataFile]:
    """Write the rows, a file a month, or some of very many.

    Args:
        rows: columns of the table, in its order.
        target: the table.
        put: makes a file of a URI; without it, it is one of this machine.
    """
    cast = rows.cast(target.schema)
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(partial(_write, target, put), _by_month(cast, target.time)))


def _write(target: Target, put: Put, part: Month) -> DataFile:
    month, rows = part
    directory = target.location
    if target.partition:
        directory += f"/{target.partition}={_named(month)}"
    # A task that is tried again must not write into the file of one that still does.
    uri = f"{directory}/{target.mark}-{uuid4().hex[:8]}.parquet"
    out = pa.BufferOutputStream()
    # Iceberg has decimals of so few digits as integers, and zstd.
    parquet.write_table(
        rows, out, compression="zstd", store_decimal_as_integer=True, store_schema=False
    )
    put(uri, out.getvalue())
    return DataFile(uri, month)


def _by_month(rows: pa.Table, time: str | None) -> Iterator[Month]:
    """The rows of each month, in their order, `FILE_ROWS` or fewer at once."""
    months = _months(rows[time]) if time else np.full(len(rows), NO_MONTH)
    if (np.diff(months) < 0).any():
        order = np.argsort(months, kind="stable")
        rows, months = rows.take(order), months[order]
    found, starts = np.unique(months, return_index=True)
    for month, start, end in zip(found, starts, np.append(starts, len(rows))[1:], strict=True):
        for first in range(start, end, FILE_ROWS):
            part = rows.slice(first, min(FILE_ROWS, end - first))
            yield None if month == NO_MONTH else int(month), part


def _months(times: pa.ChunkedArray) -> Any:
    since = pc.add(
        pc.multiply(pc.subtract(pc.year(times), 1970), 12), pc.subtract(pc.month(times), 1)
    )
    return pc.fill_null(since, NO_MONTH).to_numpy()


def _named(month: int | None) -> str:
    return "null" if month is None else f"{1970 + month // 12:04}-{month % 12 + 1:02}"


def write_by_driver(spark: SparkSession, rows: pa.Table, target: Target) -> Written:
    """The same from the driver, to wherever the table lies; all of it, or none."""
    if target.is_local:
        with whole_or_none(target):
            return Written(target, write(rows, target))
    files, begun = HadoopFiles(spark, target.location), list[str]()

    def put(uri: str, content: pa.Buffer) -> None:
        begun.append(uri)
        files.put(uri, content.to_pybytes())

    try:
        return Written(target, write(rows, target, put))
    except BaseException:
        files.each(files.delete, begun)
        raise


def commit(spark: SparkSession, table: Table, written: Written) -> None:
    """Append files that were written for the table, in one commit."""
    jvm: Any = spark._jvm
    library, found = jvm.org.apache.iceberg, iceberg_table(spark, table)
    spec = found.specs().get(written.target.spec)
    config = library.MetricsConfig.forTable(found)

    def described(file: DataFile) -> Any:
        content = found.io().newInputFile(file.uri)
        metrics = library.parquet.ParquetUtil.fileMetrics(content, config)
        builder = library.DataFiles.builder(spec).withInputFile(content).withMetrics(metrics)
        if spec.isPartitioned():
            partition = library.PartitionData(spec.partitionType())
            partition.set(0, file.month)
            builder = builder.withPartition(partition)
        return builder.withFormat("parquet").build()

    append = found.newAppend()
    with whole_or_none(written.target), ThreadPoolExecutor(AT_ONCE) as pool:
        for file in pool.map(described, written.files):
            append.appendFile(file)
    # From here on it may be in although an error says otherwise: nothing is deleted any more.
    append.commit()
    spark.catalog.refreshTable(table.full_name)


@contextmanager
def whole_or_none(target: Target | None) -> Iterator[None]:
    """What was written on this machine, and is not yet committed, goes when not all goes well."""
    try:
        yield
    except BaseException:
        if target:
            discard(target)
        raise


def discard(target: Target, but: Iterable[DataFile] = ()) -> None:
    """Delete what was written on this machine for a commit, but for some of it."""
    if target.is_local:
        kept = {local_path(file.uri) for file in but}
        for path in local_path(target.location).rglob(f"{target.mark}-*.parquet"):
            if path not in kept:
                path.unlink(missing_ok=True)
