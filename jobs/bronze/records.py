"""RFC 4180 records out of a file's bytes, each with its line and its exact text.

Spark's own reader gives no line numbers and loses the bytes of what it cannot parse.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
SHOWN = 300  # characters of a header that a message shows
_ODD = re.compile("[\x00\ud800-\udfff]")


class Record(NamedTuple):
    """A record: its first physical line (the header is line 1) and its fields.

    `problem` says why the text is no record, `end` is the line after its last.
    """

    line: int
    end: int
    fields: list[str]
    problem: str | None


class CsvText:
    """The lines of a file; bytes that are not UTF-8 are kept as lone surrogates."""

    def __init__(self, content: bytes) -> None:
        csv.field_size_limit(sys.maxsize)
        text = content.removeprefix(BOM).decode("utf-8", "surrogateescape")
        self.lines = list(io.StringIO(text, newline=""))
        self.is_clean = is_clean(text)  # asked once, so that clean files need not ask by field

    def exact_bytes(self, record: Record) -> bytes:
        """The record as it stands in the file."""
        text = "".join(self.lines[record.line - 1 : record.end - 1])
        return text.encode("utf-8", "surrogateescape")

    def records(self, width: int | None = None) -> Iterator[Record]:
        """All records, the header first; blank lines are none.

        A quote that is never closed would swallow the good lines after it: when a record
        of several lines does not have `width` fields, its first line alone is bad and
        reading goes on at the next.
        """
        start = 0
        reader = csv.reader(self.lines, strict=True)
        base = 0
        while start < len(self.lines):
            fields: list[str] = []
            problem = None
            try:
                fields = next(reader)
            except csv.Error as error:
                problem = f"not CSV: {error}"
            end = base + reader.line_num
            wrong = problem is not None or (width is not None and len(fields) != width)
            if wrong and end - start > 1:
                end = start + 1
                problem = "a quote is not closed"
                # Not a slice: a copy of the rest for each bad line would take hours.
                rest = map(self.lines.__getitem__, range(end, len(self.lines)))
                reader, base = csv.reader(rest, strict=True), end
            if problem:
                fields = self.lines[start].rstrip("\r\n").split(",")
            if fields or problem:
                yield Record(start + 1, end + 1, fields, problem)
            start = end


def header_of(content: bytes) -> list[str]:
    """Names of the columns, trimmed, lower case; empty when there is no readable header."""
    first = next(CsvText(content).records(), None)
    if first is None or first.problem:
        return []
    return [name.strip().lower() for name in first.fields]


def header_problem(header: list[str], required: tuple[str, ...]) -> str | None:
    """Why a header cannot be used; None when it can. Order is free, further columns are ignored."""
    if not header:
        return "the file is empty, or its header is no CSV"
    missing = [name for name in required if name not in header]
    if missing:
        has = _on_a_line(", ".join(map(_as_name, header)))
        return f"the header lacks {', '.join(missing)}; it has {has}"
    twice = sorted({name for name in required if header.count(name) > 1})
    return f"the header has {', '.join(twice)} more than once" if twice else None


def _as_name(text: str) -> str:
    """A column's name; a first record that is no header may hold who bought, which is not told."""
    return "…" if any(map(str.isdigit, text)) else text


def is_utf_16(head: bytes) -> bool:
    """Whether a file's first bytes say that it is UTF-16, which has NULs between our letters."""
    return head.startswith(UTF_16) or b"\x00" in head[:4]


def _on_a_line(text: str) -> str:
    """Text for a message: short, on one line, without what Postgres refuses."""
    short = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return "".join(c if c.isprintable() else "?" for c in short)


def is_clean(text: str) -> bool:
    """Whether Postgres and JSON can hold the text: no NUL, no bytes that are not UTF-8."""
    return _ODD.search(text) is None


def printable(text: str) -> str:
    r"""The text with the bytes that JSON refuses written as `\xNN`."""
    return _ODD.sub(lambda m: f"\\x{ord(m[0]) & 0xFF:02x}", text)


def fields_json(header: list[str], fields: list[str]) -> str:
    """A record's fields as a JSON object; fields past the header are under `_extra`."""
    pairs = zip(map(printable, header), map(printable, fields), strict=False)
    named: dict[str, Any] = dict(pairs)
    if len(fields) > len(header):
        extra = [printable(value) for value in fields[len(header) :]]
        return json.dumps({**named, "_extra": extra}, ensure_ascii=False)
    return json.dumps(named, ensure_ascii=False)
