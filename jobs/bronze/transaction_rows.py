"""A transactions file's bytes → rows of `transactions_raw`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from jobs.bronze.fields import INT32, BadField, moment, optional, required, whole
from jobs.bronze.records import CsvText, Record, fields_json, header_of, is_clean
from jobs.common.landing import WINDOW_HOURS

COLUMNS = (
    "invoice_no",
    "line_no",
    "stock_code",
    "quantity",
    "invoice_date",
    "customer_id",
    "country",
)
FIRST_DATE = datetime(2000, 1, 1, tzinfo=UTC)
SLACK = timedelta(days=1)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    """The 4 hours that a file is for; a line may be dated up to a day past them."""

    start: datetime

    @property
    def last(self) -> datetime:
        """The last moment that a line may bear."""
        return self.start + timedelta(hours=WINDOW_HOURS) + SLACK


def parse(content: bytes, start: datetime) -> list[Row]:
    """Rows in file order: the seven fields, problem, raw_fields, raw_bytes, source_line."""
    text = CsvText(content)
    header = header_of(content)
    pick = itemgetter(*(header.index(name) for name in COLUMNS))
    window = Window(start)
    rows = []
    for record in _body(text, len(header)):
        row = _good_row(record, len(header), pick, window)
        if row and not text.is_clean and not all(map(is_clean, record.fields)):
            row = None
        rows.append(row or _bad_row(text, record, header, window))
    return rows


def _body(text: CsvText, width: int) -> list[Record]:
    return list(text.records(width))[1:]


def _good_row(
    record: Record, width: int, pick: Callable[[list[str]], tuple[str, ...]], window: Window
) -> Row | None:
    if record.problem is not None or len(record.fields) != width:
        return None
    values = [value.strip() for value in pick(record.fields)]
    invoice_no, line_no, stock_code, quantity, invoice_date, customer_id, country = values
    try:
        when = moment("invoice_date", invoice_date)
        if not FIRST_DATE <= when <= window.last:
            return None
        invoice, code = required("invoice_no", invoice_no), required("stock_code", stock_code)
        customer, land = optional("customer_id", customer_id), optional("country", country)
        units = whole("quantity", quantity)
        line = whole("line_no", line_no, range(1, INT32.stop))
    except BadField:
        return None
    if not units:
        return None
    return (
        invoice, line, code.upper(), units, when, customer, land,
        None, None, None, record.line,
    )  # fmt: skip


def _bad_row(text: CsvText, record: Record, header: list[str], window: Window) -> Row:
    named = dict(zip(header, (value.strip() for value in record.fields), strict=False))
    problems: list[str] = [record.problem] if record.problem else []
    values = {} if record.problem else _salvage(named, window, problems)
    if not record.problem and len(record.fields) != len(header):
        problems.insert(0, f"{len(record.fields)} fields where the header has {len(header)}")
        values = {}
    return (
        *(values.get(name) for name in COLUMNS), "; ".join(problems),
        fields_json(header, record.fields), text.exact_bytes(record), record.line,
    )  # fmt: skip


def _salvage(named: dict[str, str], window: Window, problems: list[str]) -> dict[str, Any]:
    """What of a bad record can be read; what cannot is added to `problems`."""
    readers: dict[str, Callable[[str], Any]] = {
        "invoice_no": lambda v: required("invoice_no", v),
        "line_no": lambda v: whole("line_no", v, range(1, INT32.stop)),
        "stock_code": lambda v: required("stock_code", v).upper(),
        "quantity": _units,
        "invoice_date": lambda v: _dated(v, window),
        "customer_id": lambda v: optional("customer_id", v),
        "country": lambda v: optional("country", v),
    }
    values = {}
    for name, read in readers.items():
        value = named.get(name, "")
        try:
            if not is_clean(value):
                raise BadField(f"{name} holds bytes that are not UTF-8 text")
            values[name] = read(value)
        except BadField as error:
            problems.append(str(error))
    if not problems:  # what is odd is in a column that we do not read
        problems.append("a field holds bytes that are not UTF-8 text")
    return values


def _units(text: str) -> int:
    units = whole("quantity", text)
    if units == 0:
        raise BadField("quantity is 0")
    return units


def _dated(text: str, window: Window) -> datetime:
    when = moment("invoice_date", text)
    if when < FIRST_DATE:
        raise BadField(f"invoice_date: {text} is before 2000")
    if when > window.last:
        raise BadField(f"invoice_date: {text} is more than a day past the file's window")
    return when
