"""Columns of plain text to columns of bronze: what the row parsers do, for clean rows only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze import columns
from jobs.bronze.master_rows import GOOD
from jobs.bronze.transaction_rows import SLACK
from jobs.common.landing import WINDOW_HOURS

Text = Mapping[str, pa.Array]
PAST_START = timedelta(hours=WINDOW_HOURS) + SLACK


class Typed(NamedTuple):
    """Columns in the order of the rows that the row parser gives, the line left out."""

    values: list[pa.Array]
    usable: pa.BooleanArray


def transactions(text: Text, starts: pa.Array) -> Typed:
    """As `transaction_rows.parse`; `starts` are the windows' starts."""
    invoice = columns.required(text["invoice_no"])
    line = columns.whole(text["line_no"], least=1)
    code = columns.required(text["stock_code"])
    quantity = columns.whole(text["quantity"])
    moment = columns.moment(text["invoice_date"])
    customer, country = (columns.optional(text[name]) for name in ("customer_id", "country"))
    usable = columns.all_of(
        *(invoice.usable, line.usable, code.usable, quantity.usable, moment.usable),
        *(customer.usable, country.usable),
        pc.not_equal(quantity.values, 0),
        pc.less_equal(moment.values, pc.add(starts, pa.scalar(PAST_START))),
    )
    values = [
        *(invoice.values, line.values, pc.ascii_upper(code.values), quantity.values),
        *(moment.values, customer.values, country.values),
        columns.constant(None, invoice.values, pa.string()),
        columns.constant(None, invoice.values, pa.string()),
        columns.constant(None, invoice.values, pa.binary()),
    ]
    return Typed(values, usable)


def products(text: Text, _: pa.Array) -> Typed:
    """As `master_rows.parse_products`, but for codes listed twice."""
    code = columns.required(text["stock_code"])
    price = columns.price(text["unit_price"])
    category = columns.optional(text["category"])
    usable = columns.all_of(code.usable, price.usable, category.usable)
    stock = columns.constant(None, code.values, pa.int32())
    if "stock_quantity" in text:
        known = columns.free(text["stock_quantity"])
        units = columns.whole(pc.fill_null(known, "0"))
        stock = pc.if_else(known.is_null(), None, units.values)
        usable = pc.and_(usable, units.usable)
    values = [
        pc.ascii_upper(code.values),
        columns.free(text["description"]),
        *(category.values, price.values, stock),
    ]
    return Typed([*values, *_verdict(code.values)], usable)


def countries(text: Text, _: pa.Array) -> Typed:
    """As `master_rows.parse_countries`, but for countries listed twice."""
    number = columns.whole(text["country_id"], least=1)
    name = columns.required(text["country"])
    rest = [columns.optional(text[other]) for other in ("iso_code", "region", "sub_region")]
    values = [number.values, name.values, *(other.values for other in rest)]
    usable = columns.all_of(number.usable, name.usable, *(other.usable for other in rest))
    return Typed([*values, *_verdict(name.values)], usable)


def _verdict(like: pa.Array) -> list[pa.Array]:
    return [columns.constant(text, like, pa.string()) for text in (GOOD, None, None)]
