"""Landing files: their names, columns and bytes, and how one appears whole."""

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Literal

Kind = Literal["transactions", "products", "countries"]

TRANSACTION_COLUMNS: Final = (
    "invoice_no",
    "line_no",
    "stock_code",
    "quantity",
    "invoice_date",
    "customer_id",
    "country",
)
PRODUCT_COLUMNS: Final = ("stock_code", "description", "category", "unit_price")
STOCKED_PRODUCT_COLUMNS: Final = (*PRODUCT_COLUMNS, "stock_quantity")
COUNTRY_COLUMNS: Final = ("country_id", "country", "iso_code", "region", "sub_region")

WINDOW_HOURS: Final = 4


@dataclass(frozen=True)
class LandingFile:
    """One file for `landing/<kind>/`, whole in memory."""

    kind: Kind
    name: str
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """By which the warehouse knows a transactions file, whatever its name."""
        return hashlib.sha256(self.content).hexdigest()


class _Echo:
    """A file whose write gives the text back, and so does the csv writer on it."""

    def write(self, text: str) -> str:
        return text


_PLAIN: Final = csv.writer(_Echo(), lineterminator="\n")
_QUOTED: Final = csv.writer(_Echo(), lineterminator="\n", quoting=csv.QUOTE_ALL)


def csv_record(fields: Sequence[str]) -> str:
    """One CSV record with its LF, quoted by RFC 4180."""
    text: str = _PLAIN.writerow(fields)
    # Until Python 3.13 the csv module leaves a lone CR unquoted, which no reader takes back.
    return _QUOTED.writerow(fields) if "\r" in text else text


class CsvText:
    """CSV text that grows record by record under a header."""

    def __init__(self, header: Sequence[str]) -> None:
        self._records = [csv_record(header)]
        self._lines = 1

    def append(self, fields: Sequence[str]) -> int:
        """Add a record; returns the physical line, counted from 1, on which it starts."""
        record = csv_record(fields)
        first_line = self._lines + 1
        self._records.append(record)
        self._lines += record.count("\n")
        return first_line

    def content(self) -> bytes:
        """The whole text as UTF-8."""
        return "".join(self._records).encode()


@lru_cache(maxsize=4096)
def window_of(moment: datetime) -> datetime:
    """The start of the 4-hour window that holds `moment` (UTC)."""
    hour = moment.hour - moment.hour % WINDOW_HOURS
    return moment.replace(hour=hour, minute=0, second=0, microsecond=0)


def transactions_file(window: datetime, content: bytes) -> LandingFile:
    """The transaction log of the window that starts at `window`."""
    return LandingFile("transactions", f"transactions_{window:%Y%m%dT%H%M}.csv", content)


def products_file(day: date, content: bytes) -> LandingFile:
    """The full product snapshot in effect from `day`."""
    return LandingFile("products", f"products_{day:%Y%m%d}.csv", content)


def countries_file(day: date, content: bytes) -> LandingFile:
    """The full countries snapshot of `day`."""
    return LandingFile("countries", f"countries_{day:%Y%m%d}.csv", content)


def deliver(landing: Path, file: LandingFile) -> bool:
    """Put `file` into `landing/<kind>/` whole; False when its bytes are there or done already.

    Raises OSError when the directory cannot be written.
    """
    folder = landing / file.kind
    done = landing / "done" / file.kind
    # The warehouse adds the hash to a name that is taken in done/.
    known = (folder / file.name, done / file.name, done / f"{file.name}.{file.sha256[:12]}")
    if any(_same(path, file) for path in known):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / file.name, file.content)
    return True


def write_whole(target: Path, content: bytes) -> None:
    """Write under a dot-name beside `target`, then rename: no reader sees a part of it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _same(path: Path, file: LandingFile) -> bool:
    try:
        return path.stat().st_size == len(file.content) and path.read_bytes() == file.content
    except FileNotFoundError:
        return False
