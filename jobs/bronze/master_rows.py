"""Products and countries files' bytes → rows with what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from jobs.bronze.fields import INT32, BadField, optional, price, required, whole
from jobs.bronze.records import CsvText, Record, fields_json, header_of, is_clean, printable

PRODUCT_COLUMNS = ("stock_code", "description", "category", "unit_price")
COUNTRY_COLUMNS = ("country_id", "country", "iso_code", "region", "sub_region")

GOOD, BAD, DOUBLE = "good", "bad", "double"
NOTHING = (None,) * 5  # either kind of row has five values

Row = tuple[Any, ...]
Named = dict[str, str]


def parse_products(content: bytes, _: datetime) -> list[Row]:
    """Rows in file order: four attributes, stock_quantity, verdict, problem, raw_fields, line."""
    return _parse(content, _product)


def parse_countries(content: bytes, _: datetime) -> list[Row]:
    """Rows in file order: five attributes, verdict, problem, raw_fields, line."""
    return _parse(content, _country)


def _product(named: Named) -> Row:
    units = named.get("stock_quantity", "")
    try:
        stock = whole("stock_quantity", units) if units else None
    except BadField:
        stock = None  # not tracked: no reason to lose a price
    return (
        required("stock_code", named["stock_code"]).upper(),
        named["description"] or None,
        optional("category", named["category"]),
        price("unit_price", named["unit_price"]),
        stock,
    )


def _country(named: Named) -> Row:
    return (
        whole("country_id", named["country_id"], range(1, INT32.stop)),
        required("country", named["country"]),
        *(optional(name, named[name]) for name in ("iso_code", "region", "sub_region")),
    )


def _parse(content: bytes, typed: Callable[[Named], Row]) -> list[Row]:
    text = CsvText(content)
    header = header_of(content)
    rows: list[Row] = []
    latest: dict[Any, int] = {}
    for record in list(text.records(len(header)))[1:]:
        try:
            values = typed(_named(header, record, text))
        except BadField as error:
            raw = fields_json(header, record.fields)
            rows.append((*NOTHING, BAD, str(error), raw, record.line))
            continue
        if values[0] in latest:
            rows[latest[values[0]]] = _doubled(rows[latest[values[0]]], record.line)
        latest[values[0]] = len(rows)
        rows.append((*values, GOOD, None, None, record.line))
    return rows


def _named(header: list[str], record: Record, text: CsvText) -> Named:
    if record.problem:
        raise BadField(record.problem)
    if len(record.fields) != len(header):
        raise BadField(f"{len(record.fields)} fields where the header has {len(header)}")
    if not text.is_clean:
        for name, value in zip(header, record.fields, strict=True):
            if not is_clean(value):
                raise BadField(f"{printable(name)} holds bytes that are not UTF-8 text")
    return dict(zip(header, map(str.strip, record.fields), strict=True))


def _doubled(row: Row, line: int) -> Row:
    return (*row[:-4], DOUBLE, f"listed again at line {line}; the last line wins", None, row[-1])
