"""What a landing file says, by brute force: each character is looked at, nothing of ours is used.

From docs/design: UTF-8, RFC 4180 quotes, blank lines are no records. A quote that is never closed
costs its line alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

COLUMNS = {
    "transactions": [
        *("invoice_no", "line_no", "stock_code", "quantity"),
        *("invoice_date", "customer_id", "country"),
    ],
    "products": ["stock_code", "description", "category", "unit_price"],
    "countries": ["country_id", "country", "iso_code", "region", "sub_region"],
}
FIRST_LINE_BYTES = 65536
LONGEST = 200
DIGITS = "0123456789"


@dataclass(frozen=True)
class Record:
    """A record: its first physical line from 1, its fields; `broken` when it is no CSV."""

    line: int
    fields: list[str]
    broken: bool = False


def split_lines(text: str) -> list[str]:
    """Physical lines with their ends: LF, CRLF or CR."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def read_one(lines: list[str], start: int) -> tuple[int, list[str], bool]:
    """The record that starts on a line: where the next one starts, its fields, whether broken."""
    fields: list[str] = []
    field: list[str] = []
    state = "start"
    for number in range(start, len(lines)):
        for char in lines[number]:
            if state == "quoted":
                if char == '"':
                    state = "quote"
                else:
                    field.append(char)
            elif state == "quote" and char == '"':
                state = "quoted"
                field.append(char)
            elif char in "\r\n":
                is_blank = not fields and not field and state == "start"
                return number + 1, [] if is_blank else [*fields, "".join(field)], False
            elif char == ",":
                fields.append("".join(field))
                field, state = [], "start"
            elif state == "quote":
                return number + 1, [], True
            elif state == "start" and char == '"':
                state = "quoted"
            else:
                state = "plain"
                field.append(char)
    return len(lines), [*fields, "".join(field)], state == "quoted"


def read_all(text: str, width: int | None) -> Iterator[Record]:
    """All records, the header first."""
    lines, start = split_lines(text), 0
    while start < len(lines):
        end, fields, broken = read_one(lines, start)
        is_wrong = broken or (width is not None and len(fields) != width)
        if is_wrong and end - start > 1:
            end, broken = start + 1, True
        if broken or fields:
            yield Record(start + 1, fields, broken)
        start = end


def header_of(content: bytes) -> list[str] | None:
    """The columns of a file that is to be taken, by its first line; None when it is refused."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content[:4]:
        return None
    first = decoded(content[:FIRST_LINE_BYTES].split(b"\n")[0])
    record = next(read_all(first, None), None)
    if record is None or record.broken:
        return None
    return [name.strip().lower() for name in record.fields]


def decoded(content: bytes) -> str:
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def usable_header(dataset: str, content: bytes) -> list[str] | None:
    """The header; None when it lacks a column of the dataset or has one twice."""
    header = header_of(content)
    if header is None or any(header.count(name) != 1 for name in COLUMNS[dataset]):
        return None
    return header


def body(content: bytes, header: list[str]) -> list[Record]:
    return list(read_all(decoded(content), len(header)))[1:]


def is_clean(text: str) -> bool:
    return all(char != "\x00" and not 0xD800 <= ord(char) <= 0xDFFF for char in text)


def named(record: Record, header: list[str]) -> dict[str, str] | None:
    """Trimmed fields by column, of doubled columns the last; None for what is no record."""
    if record.broken or len(record.fields) != len(header):
        return None
    return {name: value.strip() for name, value in zip(header, record.fields, strict=True)}


def whole(text: str, least: int = -(2**31), most: int = 2**31 - 1) -> int | None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not 1 <= len(digits) <= 18 or any(char not in DIGITS for char in digits):
        return None
    value = int(text)
    return value if least <= value <= most else None


def price(text: str) -> Decimal | None:
    before, point, after = text.partition(".")
    if not before + after or any(char not in DIGITS for char in before + after):
        return None
    if len(before) > 8 or len(after.rstrip("0")) > 4 or (point and not before and not after):
        return None
    return Decimal(f"{before or 0}.{after[:4] or 0}")


def moment(text: str) -> datetime | None:
    shape = "".join("9" if char in DIGITS else char for char in text)
    if shape != "9999-99-99 99:99:99" or text[11:13] > "23":
        return None
    try:
        return datetime(*map(int, re.split("[- :]", text)), tzinfo=UTC)  # type: ignore[arg-type]
    except ValueError:
        return None


def code(text: str) -> str | None:
    return text if 1 <= len(text) <= LONGEST else None


@dataclass(frozen=True)
class Line:
    """A record of a transactions file: `good` unless malformed; then what of it can be read."""

    line: int
    good: bool
    transaction_id: str | None
    stock_code: str = ""
    quantity: int = 0
    when: datetime = datetime.min
    customer: str | None = None
    country: str | None = None


def transactions(content: bytes, window: datetime) -> list[Line] | None:
    """The lines of a file; None when it is to be refused."""
    header = usable_header("transactions", content)
    if header is None:
        return None
    return [_line(record, header, window) for record in body(content, header)]


def _line(record: Record, header: list[str], window: datetime) -> Line:
    row = named(record, header)
    if row is None:
        return Line(record.line, False, None)
    clean = {name: value if is_clean(value) else "" for name, value in row.items()}
    invoice, number = code(clean["invoice_no"]), whole(clean["line_no"], 1)
    tid = f"{invoice}-{number}" if invoice and number else None
    stock, units, when = (
        code(clean["stock_code"]),
        whole(clean["quantity"]),
        moment(clean["invoice_date"]),
    )
    last = window + timedelta(hours=4, days=1)
    is_dated = when is not None and datetime(2000, 1, 1, tzinfo=UTC) <= when <= last
    is_short = len(row["customer_id"]) <= LONGEST and len(row["country"]) <= LONGEST
    if not (tid and stock and units and is_dated and is_short):
        return Line(record.line, False, tid)
    if not all(map(is_clean, record.fields)):
        return Line(record.line, False, tid)
    assert when is not None
    parts = (stock.upper(), units, when, row["customer_id"] or None, row["country"] or None)
    return Line(record.line, True, tid, *parts)


@dataclass(frozen=True)
class Listed:
    """A master's rows by key, the last of equals; lines that are doubled, and bad ones."""

    good: dict[object, tuple[object, ...]]
    doubled: int
    bad: list[int]


def master(dataset: str, content: bytes) -> Listed | None:
    """The rows of a list; None when its header is to be refused."""
    header = usable_header(dataset, content)
    if header is None:
        return None
    good: dict[object, tuple[object, ...]] = {}
    doubled, bad = 0, []
    for record in body(content, header):
        row = named(record, header) if all(map(is_clean, record.fields)) else None
        values = (_product if dataset == "products" else _country)(row) if row else None
        if values is None:
            bad.append(record.line)
            continue
        doubled += values[0] in good
        good[values[0]] = values
    return Listed(good, doubled, bad)


def _product(row: dict[str, str]) -> tuple[object, ...] | None:
    stock, cost = code(row["stock_code"]), price(row["unit_price"])
    if stock is None or cost is None or len(row["category"]) > LONGEST:
        return None
    return stock.upper(), row["description"] or None, row["category"] or None, cost


def _country(row: dict[str, str]) -> tuple[object, ...] | None:
    number, name = whole(row["country_id"], 1), code(row["country"])
    rest = [row[other] for other in ("iso_code", "region", "sub_region")]
    if number is None or name is None or any(len(value) > LONGEST for value in rest):
        return None
    return number, name, *(value or None for value in rest)
