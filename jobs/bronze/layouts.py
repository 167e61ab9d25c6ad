"""How the files of each dataset are read: columns, schema, and both ways to their rows."""

from __future__ import annotations

import pyarrow as pa

from jobs.bronze import plain_rows
from jobs.bronze.master_rows import (
    COUNTRY_COLUMNS,
    PRODUCT_COLUMNS,
    parse_countries,
    parse_products,
)
from jobs.bronze.parsing import Layout
from jobs.bronze.transaction_rows import COLUMNS, parse

_UTC = pa.timestamp("us", tz="UTC")
_VERDICT = (("verdict", pa.string()), ("problem", pa.string()), ("raw_fields", pa.string()))


def _source(stamp: str) -> tuple[tuple[str, pa.DataType], ...]:
    return (
        (stamp, _UTC),
        ("source_file", pa.string()),
        ("source_line", pa.int32()),
        ("file_sha256", pa.string()),
        ("batch_id", pa.int64()),
    )


TRANSACTIONS = Layout(
    COLUMNS,
    pa.schema(
        [
            ("invoice_no", pa.string()),
            ("line_no", pa.int32()),
            ("stock_code", pa.string()),
            ("quantity", pa.int32()),
            ("invoice_date", _UTC),
            ("customer_id", pa.string()),
            ("country", pa.string()),
            ("problem", pa.string()),
            ("raw_fields", pa.string()),
            ("raw_bytes", pa.binary()),
            *_source("window_start"),
        ]
    ),
    parse,
    plain_rows.transactions,
)

PRODUCTS = Layout(
    (*PRODUCT_COLUMNS, "stock_quantity"),
    pa.schema(
        [
            ("stock_code", pa.string()),
            ("description", pa.string()),
            ("category", pa.string()),
            ("unit_price", pa.decimal128(12, 4)),
            ("stock_quantity", pa.int32()),
            *_VERDICT,
            *_source("stamp"),
        ]
    ),
    parse_products,
    plain_rows.products,
    once=True,
)

COUNTRIES = Layout(
    COUNTRY_COLUMNS,
    pa.schema(
        [
            ("country_id", pa.int32()),
            ("country", pa.string()),
            ("iso_code", pa.string()),
            ("region", pa.string()),
            ("sub_region", pa.string()),
            *_VERDICT,
            *_source("stamp"),
        ]
    ),
    parse_countries,
    plain_rows.countries,
    once=True,
)
