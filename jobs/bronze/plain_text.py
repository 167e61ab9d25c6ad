"""Files in which each line is one record, whatever reads them: pyarrow may read those.

Not plain are blank lines, line ends that differ, and quotes other than RFC 4180 has them or
around a line end: such a file is for `records.CsvText` alone. A line of a plain file may be
odd: it holds bytes beyond printable ASCII, and goes through `CsvText` by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from jobs.bronze.records import BOM, header_of

LARGEST = 1 << 30  # pyarrow counts a block's bytes in 32 bits
COMMA, QUOTE, LINE_FEED, BLANK, TILDE = b',"\n ~'
PLAIN_BYTES = bytes(range(BLANK, TILDE + 1)) + b"\n"

Numbers = Any  # an array of numpy's


@dataclass(frozen=True)
class PlainText:
    """A plain file: its column names, and the lines after them but for odd ones.

    `numbers` says which lines of the file `body` consists of, 0 being the first after the
    header; of `total` lines, those that it lacks are odd.
    """

    header: list[str]
    body: bytes
    numbers: Numbers
    total: int
    original: bytes

    def picked(self, numbers: Sequence[int]) -> bytes:
        """The file with some of its lines only, as they stand."""
        ends = _line_ends(self.original)
        lines = ((ends[number], ends[number + 1]) for number in numbers)
        return self.original[: ends[0]] + b"".join(self.original[a:b] for a, b in lines)


def plain_text(content: bytes) -> PlainText | None:
    """The file's lines; None when it is not plain."""
    original = content.removeprefix(BOM)
    text = _with_line_feeds(original)
    if text is None or len(text) > LARGEST or text.startswith(b"\n") or b"\n\n" in text:
        return None
    header, _, body = text.partition(b"\n")
    if header.translate(None, PLAIN_BYTES) or QUOTE in header:
        return None
    body += b"" if body.endswith(b"\n") or not body else b"\n"
    if QUOTE in body and not _is_well_quoted(body):
        return None
    numbers = np.arange(total := body.count(b"\n"))
    if body.translate(None, PLAIN_BYTES):
        ends = _line_ends(body)
        odd = _odd_lines(body, ends)
        numbers = np.delete(numbers, odd)
        body = _without(body, ends, odd)
    return PlainText(header_of(header), body, numbers, total, original)


def _with_line_feeds(text: bytes) -> bytes | None:
    ends = text.count(b"\r")
    if not ends:
        return text
    if ends == text.count(b"\r\n") == text.count(b"\n"):
        return text.replace(b"\r\n", b"\n")
    return None


def _is_well_quoted(body: bytes) -> bool:
    """Whether quotes stand around whole fields or double within, and none spans lines."""
    octets = np.frombuffer(body, np.uint8)
    quotes = np.flatnonzero(octets == QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    edges = np.array([COMMA, LINE_FEED, QUOTE])
    # The first byte has none before it; what numpy gives there is the last, a line feed.
    if not (np.isin(octets[opening - 1], edges) & np.isin(octets[closing + 1], edges)).all():
        return False
    ends = np.flatnonzero(octets == LINE_FEED)
    return bool((np.searchsorted(ends, opening) == np.searchsorted(ends, closing)).all())


def _line_ends(text: bytes) -> Numbers:
    """Where the next line begins, of each line."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == LINE_FEED) + 1
    return ends if text.endswith(b"\n") else np.append(ends, len(text))


def _without(body: bytes, ends: Numbers, numbers: Numbers) -> bytes:
    """The body without a few of its lines."""
    starts = np.concatenate([[0], ends])[numbers]
    kept = zip(np.concatenate([[0], ends[numbers]]), np.append(starts, len(body)), strict=True)
    return b"".join(body[a:b] for a, b in kept)


def _odd_lines(body: bytes, ends: Numbers) -> Numbers:
    """Lines with bytes beyond printable ASCII."""
    octets = np.frombuffer(body, np.uint8)
    odd = (octets < BLANK) & (octets != LINE_FEED) | (octets > TILDE)
    return np.unique(np.searchsorted(ends, np.flatnonzero(odd), side="right"))


def read_plain(
    texts: Sequence[PlainText], wanted: Iterable[str]
) -> tuple[dict[str, pa.Array], Numbers]:
    """The records of files with one header, but for those of another width.

    Returns:
        The wanted columns that there are, trimmed; and which of all the bodies' lines each
        record is, from 0.
    """
    header = texts[0].header
    others: list[int] = []

    def leave_out(row: csv.InvalidRow) -> str:
        others.append(row.number - 1)
        return "skip"

    body = b"".join(text.body for text in texts)
    names = [str(number) for number in range(len(header))]
    place = {name: str(number) for number, name in enumerate(header)}  # the last of a name
    here = [name for name in wanted if name in place]
    read = csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=names),
        csv.ParseOptions(invalid_row_handler=leave_out, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[place[name] for name in here],
        ),
    )
    lines = np.delete(np.arange(sum(len(text.numbers) for text in texts)), others)
    return {name: _trimmed(read[place[name]]) for name in here}, lines


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    return pc.ascii_trim(column.combine_chunks(), " ")
