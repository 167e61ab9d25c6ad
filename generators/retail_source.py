"""Reads a retailer's invoice lines: the UCI Online Retail file and others of its form."""

import csv
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from generators.errors import bad_input

# Column → the headers it goes by, compared without case, blanks and underscores.
_HEADERS: Final = {
    "InvoiceNo": ("invoiceno", "invoice"),
    "StockCode": ("stockcode",),
    "Description": ("description",),
    "Quantity": ("quantity",),
    "InvoiceDate": ("invoicedate",),
    "UnitPrice": ("unitprice", "price"),
    "CustomerID": ("customerid",),
    "Country": ("country",),
}
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_US_DATE: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_PRICE_LIMIT: Final = Decimal(10) ** 8
_PRICE_STEP: Final = Decimal("0.0001")
_MEND: Final = "mend or remove that line"


class RetailLine(NamedTuple):
    """One invoice line as the shop wrote it: fields trimmed, the stock code in upper case."""

    invoice_no: str
    stock_code: str
    description: str
    quantity: str
    moment: datetime
    price: Decimal | None
    customer_id: str
    country: str


def read_lines(path: Path) -> Iterator[RetailLine]:
    """Invoice lines in file order, from `.csv`, `.csv.gz` or `.csv.xz`.

    Raises BadInput, with the line, for whatever in the file cannot be read.
    """
    reader = csv.reader(_text_lines(path), strict=True)
    try:
        pick, width = _columns(path, next(reader, []))
        first = reader.line_num + 1
        for row in reader:
            if row:
                yield _parse(path, first, row, pick, width)
            first = reader.line_num + 1
    except csv.Error as error:
        raise bad_input(path, f"not CSV ({error})", "check its quotes", reader.line_num) from None


def _text_lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with _open(path) as file:
            for number, raw in enumerate(file, start=1):
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise bad_input(path, "not UTF-8", "convert it to UTF-8 first", number) from None
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile):
        what = "the archive is truncated or damaged after this line"
        raise bad_input(path, what, "fetch it again", number) from None
    except OSError as error:
        raise bad_input(path, f"cannot be read ({error.strerror})", "check the path") from None


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path))
    return cast("BinaryIO", lzma.open(path)) if path.suffix == ".xz" else path.open("rb")


def _columns(path: Path, header: list[str]) -> tuple[Callable[[list[str]], Sequence[str]], int]:
    """A function that puts a row's fields in the order of `_HEADERS`, and a row's width."""
    found = [re.sub(r"[\s_]", "", name).lower() for name in header]
    places: list[int] = []
    for column, names in _HEADERS.items():
        place = next((found.index(name) for name in names if name in found), None)
        if place is None:
            raise bad_input(path, f"column {column} is missing", "add it to the header", 1)
        places.append(place)
    return itemgetter(*places), len(header)


def _parse(
    path: Path, line: int, row: list[str], pick: Callable[[list[str]], Iterable[str]], width: int
) -> RetailLine:
    try:
        if len(row) != width:
            raise ValueError(f"{len(row)} fields where the header has {width}")
        invoice, code, description, quantity, date, price, customer, country = pick(row)
        return RetailLine(
            _present(invoice.strip()),
            code.strip().upper(),
            description.strip(),
            _quantity(quantity),
            _moment(date),
            _price(price),
            customer.strip().removesuffix(".0"),
            country.strip(),
        )
    except ValueError as error:
        raise bad_input(path, str(error), _MEND, line) from None


def _present(invoice_no: str) -> str:
    if not invoice_no:
        raise ValueError("InvoiceNo is empty")
    return invoice_no


@lru_cache(maxsize=65_536)
def _quantity(text: str) -> str:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"Quantity {text!r} is not a whole number")
    return str(int(text))


@lru_cache(maxsize=65_536)
def _price(text: str) -> Decimal | None:
    """The price at the warehouse's 4 places; none for an empty field."""
    stripped = text.strip()
    if not stripped:
        return None
    if not _NUMBER.fullmatch(stripped):
        raise ValueError(f"UnitPrice {text!r} is not a number")
    price = Decimal(stripped)
    if abs(price) >= _PRICE_LIMIT:
        raise ValueError(f"UnitPrice {text!r} has more than 8 digits before the point")
    return price.quantize(_PRICE_STEP)


@lru_cache(maxsize=65_536)
def _moment(text: str) -> datetime:
    stripped = text.strip()
    try:
        if _ISO_DATE.fullmatch(stripped):
            return datetime.fromisoformat(stripped)
        if found := _US_DATE.fullmatch(stripped):
            month, day, year, hour, minute = found.groups()
            return datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute}:00")
    except ValueError:
        pass
    raise ValueError(f"InvoiceDate {text!r} is no YYYY-MM-DD HH:MM:SS or M/D/YYYY H:MM date")
