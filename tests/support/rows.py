"""Rows of landing files: a base row, and only the columns the test is about."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

HEADERS = {
    "transactions": (
        "invoice_no", "line_no", "stock_code", "quantity", "invoice_date", "customer_id", "country",
    ),
    "products": ("stock_code", "description", "category", "unit_price"),
    "countries": ("country_id", "country", "iso_code", "region", "sub_region"),
}  # fmt: skip

Row = dict[str, Any]


def line(invoice_no: str = "500001", **changed: Any) -> Row:
    """A record of a transactions file."""
    base = {
        "invoice_no": invoice_no,
        "line_no": 1,
        "stock_code": "A1",
        "quantity": 2,
        "invoice_date": "2025-03-03 10:00:00",
        "customer_id": "C1",
        "country": "France",
    }
    return {**base, **changed}


def product(stock_code: str = "A1", **changed: Any) -> Row:
    """A record of a products file."""
    base = {
        "stock_code": stock_code,
        "description": "RED MUG",
        "category": "Kitchen",
        "unit_price": "2.50",
    }
    return {**base, **changed}


def country(name: str = "France", **changed: Any) -> Row:
    """A record of a countries file."""
    base = {
        "country_id": 250,
        "country": name,
        "iso_code": "FR",
        "region": "Europe",
        "sub_region": "Western Europe",
    }
    return {**base, **changed}


def csv_text(dataset: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a landing file; columns beyond the dataset's own come last."""
    further = {name: None for row in rows for name in row if name not in HEADERS[dataset]}
    out = io.StringIO()
    writer = csv.DictWriter(out, [*HEADERS[dataset], *further], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
