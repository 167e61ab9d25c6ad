"""Landing files of several years: the real one, repeated onwards.

Copy k lies k whole years later. Its invoices bear k as a further first digit, behind the letter
of a cancellation or adjustment, so they stay unique. Where the end of one copy meets the start
of the next, a window has the lines of both, and a price list goes on from what was listed
before: a code keeps its last price until the copy prices it anew.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from generators.landing import (
    PRODUCT_COLUMNS,
    LandingFile,
    csv_record,
    products_file,
    transactions_file,
)
from generators.replay import landing_files

FORMS = {"transactions": "transactions_%Y%m%dT%H%M.csv", "products": "products_%Y%m%d.csv"}
_INVOICE = re.compile(rb"^([A-Z]?)(?=\d)", re.MULTILINE)
_YEAR = re.compile(rb",(\d{4})(?=-\d\d-\d\d \d\d:\d\d:\d\d,)")

Content = TypeVar("Content")


def write_years(data: Path, countries: Path, years: int, landing: Path) -> None:
    """Write the landing files of so many years below `landing`, a directory a source."""
    for file in years_of_files(list(landing_files(data, countries)), years):
        (landing / file.kind).mkdir(parents=True, exist_ok=True)
        (landing / file.kind / file.name).write_bytes(file.content)


def years_of_files(year: list[LandingFile], years: int) -> Iterator[LandingFile]:
    """The files of so many years; of one, those of the year itself."""
    yield from (file for file in year if file.kind == "countries")
    yield from _logs([file for file in year if file.kind == "transactions"], years)
    yield from _lists([file for file in year if file.kind == "products"], years)


def _moment(file: LandingFile) -> datetime:
    return datetime.strptime(file.name, FORMS[file.kind])  # noqa: DTZ007 - all times are UTC


def _copies(
    files: Iterable[tuple[datetime, Content]], years: int
) -> Iterator[tuple[datetime, list[tuple[int, Content]]]]:
    """By moment, the copies that fall on it: their numbers and contents, the earliest first."""
    found: dict[datetime, list[tuple[int, Content]]] = defaultdict(list)
    contents = list(files)
    for copy in range(years):
        for moment, content in contents:
            # The year has no 29 February: every day is there in every other year.
            found[moment.replace(year=moment.year + copy)].append((copy, content))
    return iter(sorted(found.items(), key=lambda each: each[0]))


def _logs(files: list[LandingFile], years: int) -> Iterator[LandingFile]:
    header = files[0].content.partition(b"\n")[0] + b"\n"
    bodies = ((_moment(file), file.content.partition(b"\n")[2]) for file in files)
    for window, copies in _copies(bodies, years):
        yield transactions_file(window, header + b"".join(_later(b, n) for n, b in copies))


def _later(body: bytes, years: int) -> bytes:
    """The lines so many years later, under new invoice numbers."""
    if not years:
        return body
    renumbered = _INVOICE.sub(rb"\g<1>%d" % years, body)
    return _YEAR.sub(lambda found: b",%d" % (int(found[1]) + years), renumbered)


def _lists(files: list[LandingFile], years: int) -> Iterator[LandingFile]:
    state: dict[str, str] = {}
    records = [(_moment(file), _by_code(file.content)) for file in files]
    codes = sorted({code for _, listed in records for code in listed})
    for day, copies in _copies(records, years):
        for _, listed in copies:
            state.update(listed)
        body = "".join(state[code] for code in codes if code in state)
        yield products_file(day, (csv_record(PRODUCT_COLUMNS) + body).encode())


def _by_code(content: bytes) -> dict[str, str]:
    rows = csv.reader(content.decode().splitlines(keepends=True))
    next(rows)
    return {row[0]: csv_record(row) for row in rows}
