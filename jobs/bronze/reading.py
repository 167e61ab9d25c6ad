"""Where landing files are parsed: a few small ones in the driver, else some files a task.

Starting Python on an executor and crossing to it takes longer than parsing a day's files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property, partial, reduce
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze import data_files
from jobs.bronze.data_files import DataFile, Target, Written
from jobs.bronze.parsing import Layout, Read, batches, parsed
from jobs.common.filesystem import is_local, local_path
from jobs.common.landing import LandingFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.contracts import Table

    # What to make of parsed rows: table by table, or of all that a task has.
    Shape = Callable[[pa.Table], pa.Table]
    Make = Callable[[Iterator[pa.Table]], Iterable[pa.Table]]
    Parse = Callable[[Iterable[Read]], Iterator[pa.RecordBatch]]

CHANGED = "changed while it was read"
SMALL_BYTES = 64 << 20  # four times as much when parsed
SHARE_BYTES = 16 << 20  # of a task


class FileChanged(Exception):
    """A file is no longer the one that was hashed, or can no longer be read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} {CHANGED}")


def as_they_are(rows: pa.Table) -> pa.Table:
    """The shape of rows that are wanted whole."""
    return rows


class Reading:
    """Accepted files, to be parsed for one purpose or several.

    A file that is no longer the one that was hashed fails the reading; see `changes`.
    """

    def __init__(
        self, spark: SparkSession, files: list[LandingFile], layout: Layout, batch_id: int
    ) -> None:
        self._spark = spark
        self._files = [replace(file, head=b"") for file in files]  # they go with every task
        self._layout = layout
        self._batch_id = batch_id

    @property
    def is_small(self) -> bool:
        """Whether the driver parses them."""
        return sum(file.size for file in self._files) <= SMALL_BYTES

    def collect(self, shape: Shape, ddl: str) -> pa.Table:
        """What `shape` makes of the rows, in the driver."""
        if self.is_small:
            return pa.concat_tables(map(shape, self._tables))
        return self._by_tasks(partial(map, shape), ddl).toArrow()

    def survey(
        self, survey: Shape, ddl: str, shape: Shape, table: Table
    ) -> tuple[pa.Table, Written | None]:
        """What `survey` makes of the rows, in the driver.

        And, where tasks parse and can write, what `shape` makes of them, as files of the table:
        for `append`, or to be discarded.
        """
        target = None if self.is_small else self._target_of_tasks(table)
        if target is None:
            return self.collect(survey, ddl), None
        return self._write_by_tasks(shape, target, survey, ddl)

    def append(self, shape: Shape, table: Table, written: Written | None = None) -> None:
        """Append what `shape` makes of the rows, columns of the table, in one commit.

        Args:
            written: the same, if `survey` has written it.
        """
        written = written or self._write(shape, table)
        if written:
            data_files.commit(self._spark, table, written)
        else:
            self._by_tasks(partial(map, shape), table.schema).writeTo(table.full_name).append()

    def _write(self, shape: Shape, table: Table) -> Written | None:
        """None where Spark alone can write: tasks a lake on HDFS, or a table of another form."""
        if not self.is_small:
            target = self._target_of_tasks(table)
            return self._write_by_tasks(shape, target)[1] if target else None
        target = data_files.target_of(self._spark, table)
        if target is None:
            return None
        rows = pa.concat_tables(map(shape, self._tables))
        return data_files.write_by_driver(self._spark, rows, target)

    def _target_of_tasks(self, table: Table) -> Target | None:
        """The table's, where tasks can write: Python on an executor reaches no HDFS."""
        target = data_files.target_of(self._spark, table)
        return target if target and target.is_local else None

    def _write_by_tasks(
        self, shape: Shape, target: Target, survey: Shape | None = None, ddl: str = ""
    ) -> tuple[pa.Table, Written]:
        """What `survey` makes of the rows, and the files of what `shape` makes of them."""
        nothing = self._layout.schema.empty_table()

        def write(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
            told, parts = [survey(nothing)] if survey else [], [shape(nothing)]
            for rows in tables:
                parts.append(shape(rows))
                if survey:
                    told.append(survey(rows))
            told.append(data_files.as_rows(data_files.write(pa.concat_tables(parts), target)))
            yield pa.concat_tables(told, promote_options="default")

        with data_files.whole_or_none(target):
            both = f"{ddl}, {data_files.WRITTEN}" if ddl else data_files.WRITTEN
            found = self._by_tasks(write, both).toArrow()
        is_file = pc.is_valid(found["uri"])
        files = found.filter(is_file).select(DataFile._fields).to_pylist()
        written = Written(target, [DataFile(**file) for file in files])
        data_files.discard(target, written.files)  # what tasks left that were tried again
        return found.filter(pc.invert(is_file)).drop_columns(DataFile._fields), written

    @cached_property
    def _tables(self) -> list[pa.Table]:
        read = _checked(self._contents(self._files))
        return [self._layout.schema.empty_table(), *parsed(read, self._layout, self._batch_id)]

    def _contents(self, files: list[LandingFile]) -> Iterator[Read]:
        if not files or is_local(files[0].uri):
            return _read(files)
        known = {file.place: file for file in files}
        return ((known[_name(row[0])], bytes(row[1])) for row in self._binary(files).collect())

    def _binary(self, files: list[LandingFile]) -> DataFrame:
        reader = self._spark.read.format("binaryFile")
        return reader.load([file.uri for file in files]).select("path", "content")

    def _by_tasks(self, make: Make, ddl: str) -> DataFrame:
        layout, batch_id = self._layout, self._batch_id

        def parse(read: Iterable[Read]) -> Iterator[pa.RecordBatch]:
            return batches(make(parsed(_checked(read), layout, batch_id)))

        cores = self._spark.sparkContext.defaultParallelism
        shared = shares(self._files, cores)
        if is_local(self._files[0].uri):
            ids = self._spark.range(0, len(shared), 1, len(shared))
            return ids.mapInArrow(_reader_of_paths(shared, parse), ddl)
        # Spark deals files out by size; each task is to have neighbours by date, so that it
        # writes into few months.
        frames = [self._binary(share) for share in shared]
        return reduce(lambda a, b: a.unionAll(b), frames).mapInArrow(
            _reader_of_contents(self._files, parse), ddl
        )


def shares(files: list[LandingFile], least: int) -> list[list[LandingFile]]:
    """The files dealt out to tasks: neighbours together, of about as many bytes."""
    total = sum(file.size for file in files)
    count = min(len(files), max(least, -(-total // SHARE_BYTES)))
    found: list[list[LandingFile]] = [[] for _ in range(count)]
    for file, past in zip(files, accumulate(file.size for file in files), strict=True):
        middle = past - file.size / 2
        found[min(int(middle * count / total), count - 1)].append(file)
    return [share for share in found if share]


def _reader_of_paths(
    shared: list[list[LandingFile]], parse: Parse
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(ids: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in ids:
            for number in batch.column(0).to_pylist():
                yield from parse(_read(shared[number]))

    return read


def _reader_of_contents(
    files: list[LandingFile], parse: Parse
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    known = {file.place: file for file in files}

    def read(found: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from parse(
            (known[_name(path.as_py())], content.as_py())
            for batch in found
            for path, content in zip(batch.column(0), batch.column(1), strict=True)
        )

    return read


def _read(files: Iterable[LandingFile]) -> Iterator[Read]:
    return ((file, _bytes_of(file)) for file in files)


def _bytes_of(file: LandingFile) -> bytes:
    try:
        return local_path(file.uri).read_bytes()
    except OSError:  # it went away, or may no longer be read
        raise FileChanged(file.name) from None


def _checked(read: Iterable[Read]) -> Iterator[Read]:
    for file, content in read:
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise FileChanged(file.name)
        yield file, content


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
