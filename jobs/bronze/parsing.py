"""Files' bytes → Arrow batches of typed rows, bad ones among them, each with where it stood.

What pyarrow reads exactly as `records` does is read by pyarrow, many files at a time; all else
goes through the row parsers: single lines of a plain file, or files that are not plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze.plain_rows import Text, Typed
from jobs.bronze.plain_text import PlainText, plain_text, read_plain
from jobs.common.landing import LandingFile

BATCH_ROWS = 50_000
FIRST_LINE = 2  # of the records: the header is line 1
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Layout:
    """How files of a dataset are read.

    `parse` gives rows of a file's bytes, the line last; `typed` gives the same of whole columns.
    `schema` is that of these rows, then stamp, file, line, hash and batch. Where `once` is set,
    a first value that a file lists twice is for `parse` to judge.
    """

    wanted: tuple[str, ...]
    schema: pa.Schema
    parse: Callable[[bytes, datetime], Rows]
    typed: Callable[[Text, pa.Array], Typed]
    once: bool = False


class Part(NamedTuple):
    """Rows of some files: their values, and of each row the file and the line."""

    values: pa.Table
    file: Any
    line: Any


Read = tuple[LandingFile, bytes]
Plain = tuple[LandingFile, PlainText]


def batches(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """The tables' rows, in batches of `BATCH_ROWS` or fewer: each batch costs a crossing."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= BATCH_ROWS:
            yield from _merged(held)
            held = []
    if held:
        yield from _merged(held)


def _merged(tables: list[pa.Table]) -> list[pa.RecordBatch]:
    whole = pa.concat_tables(tables).combine_chunks()
    return list(whole.to_batches(max_chunksize=BATCH_ROWS))


def parsed(read: Iterable[Read], layout: Layout, batch_id: int) -> Iterator[pa.Table]:
    """Rows of the files, those of a file together and in its order."""
    group: list[Plain] = []
    for file, content in read:
        text = plain_text(content)
        if text is None:
            yield _sourced(_parsed(content, file, layout), [file], layout, batch_id)
            continue
        if group and (text.header != group[0][1].header or _count(group) >= BATCH_ROWS):
            yield from _group(group, layout, batch_id)
            group = []
        group.append((file, text))
    yield from _group(group, layout, batch_id)


def _count(group: list[Plain]) -> int:
    return sum(text.total for _, text in group)


def _group(group: list[Plain], layout: Layout, batch_id: int) -> Iterator[pa.Table]:
    """Rows of plain files with one header."""
    if not _count(group):
        return
    part = _with_others(_read(group, layout), group, layout)
    doubled = _doubled(part, len(group)) if layout.once else set()
    for number in doubled:
        file, text = group[number]
        yield _sourced(_parsed(text.original, file, layout), [file], layout, batch_id)
    if doubled:
        rest = [each for number, each in enumerate(group) if number not in doubled]
        yield from _group(rest, layout, batch_id)
    else:
        yield _sourced(part, [file for file, _ in group], layout, batch_id)


def _read(group: list[Plain], layout: Layout) -> Part:
    """The rows that are clean."""
    texts = [text for _, text in group]
    if not any(text.body for text in texts):
        return Part(_table([], layout), _NONE, _NONE)
    columns, lines = read_plain(texts, layout.wanted)
    file = np.repeat(np.arange(len(texts)), [len(text.numbers) for text in texts])[lines]
    line = np.concatenate([text.numbers for text in texts])[lines] + FIRST_LINE
    stamps = pa.array([file.stamp for file, _ in group], _STAMP)
    typed = layout.typed(columns, stamps.take(pa.array(file)))
    rows = pa.Table.from_arrays(typed.values, schema=_own(layout))
    if pc.all(typed.usable).as_py():
        return Part(rows, file, line)
    usable = typed.usable.to_numpy(zero_copy_only=False)
    return Part(rows.filter(typed.usable), file[usable], line[usable])


def _with_others(clean: Part, group: list[Plain], layout: Layout) -> Part:
    """The clean rows, and between them what the row parser makes of all other lines."""
    found = np.bincount(clean.file, minlength=len(group))
    parts = [clean]
    for number in np.flatnonzero(found < [text.total for _, text in group]):
        file, text = group[number]
        lines = np.arange(text.total) + FIRST_LINE
        left = np.setdiff1d(lines, clean.line[clean.file == number], assume_unique=True)
        rows = layout.parse(text.picked((left - FIRST_LINE).tolist()), file.stamp)
        parts.append(Part(_table(rows, layout), np.full(len(rows), number), left))
    if len(parts) == 1:
        return clean
    files, lines = (np.concatenate([part[field] for part in parts]) for field in (1, 2))
    order = np.lexsort((lines, files))
    rows = pa.concat_tables([part.values for part in parts]).take(pa.array(order))
    return Part(rows, files[order], lines[order])


def _parsed(content: bytes, file: LandingFile, layout: Layout) -> Part:
    """Rows of one file, by the row parser."""
    rows = layout.parse(content, file.stamp)
    lines = np.array([row[-1] for row in rows], np.int64)
    return Part(_table(rows, layout), np.zeros(len(rows), np.int64), lines)


def _table(rows: Rows, layout: Layout) -> pa.Table:
    schema = _own(layout)
    columns = list(zip(*rows, strict=True))[:-1] or [()] * len(schema)
    arrays = [pa.array(column, f.type) for column, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _doubled(part: Part, files: int) -> set[int]:
    """Files in which a first value stands twice."""
    ends = np.searchsorted(part.file, np.arange(files + 1))
    key = part.values.column(0)
    slices = [key.slice(a, b - a) for a, b in pairwise(ends)]
    return {n for n, own in enumerate(slices) if pc.count_distinct(own) != pc.count(own)}


def _sourced(part: Part, files: Sequence[LandingFile], layout: Layout, batch_id: int) -> pa.Table:
    """The rows with where they come from."""
    number = pa.array(part.file)
    source = [
        pa.array([file.stamp for file in files], _STAMP).take(number),
        pa.array([file.name for file in files], pa.string()).take(number),
        pa.array(part.line, pa.int32()),
        pa.array([file.sha256 for file in files], pa.string()).take(number),
        pa.repeat(pa.scalar(batch_id, pa.int64()), len(number)),
    ]
    return pa.Table.from_arrays([*part.values.columns, *source], schema=layout.schema)


def _own(layout: Layout) -> pa.Schema:
    return pa.schema(list(layout.schema)[: -len(SOURCE)])


_NONE = np.empty(0, np.int64)
_STAMP = pa.timestamp("us", tz="UTC")
SOURCE = ("stamp", "source_file", "source_line", "file_sha256", "batch_id")
