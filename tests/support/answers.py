"""What must come out of the real year, and where in gold it is to be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.databases import Rows

Answers = dict[str, Any]

COUNTS = [
    ("source_rows", "SELECT sum(line_count) FROM ops.loaded_files"),
    ("product_versions", "SELECT count(*) FROM dim_products"),
    ("products", "SELECT count(DISTINCT stock_code) FROM dim_products"),
    ("fact_rows", "SELECT count(*) FROM fact_transactions"),
    ("units", "SELECT sum(quantity) FROM fact_transactions"),
    ("error_rows", "SELECT count(*) FROM transactions_error"),
    (
        "errors_unknown_country",
        "SELECT count(*) FROM transactions_error WHERE rules = '{unknown_country}'",
    ),
    (
        "errors_no_price",
        "SELECT count(*) FROM transactions_error WHERE rules = '{no_price_in_effect}'",
    ),
    ("errors_both", "SELECT count(*) FROM transactions_error WHERE cardinality(rules) = 2"),
    ("customers", "SELECT count(*) FROM dim_customers WHERE customer_sk <> -1"),
    ("guest_rows", "SELECT count(*) FROM fact_transactions WHERE customer_sk = -1"),
    ("return_rows", "SELECT count(*) FROM fact_transactions WHERE is_return"),
    ("sales_lines", "SELECT sum(sales_lines) FROM v_anomaly_coverage"),
    ("anomalies_monthly_baseline", "SELECT count(*) FROM anomalies WHERE still_flagged"),
    ("anomalies_monthly_baseline", "SELECT sum(flagged) FROM v_anomaly_coverage"),
    ("unscored_insufficient_history", "SELECT sum(unscored) FROM v_anomaly_coverage"),
]

MONEY = ("revenue", "revenue_by_month", "top_buyer_by_region")


def read(directory: Path) -> Answers:
    """The answers, as two other engines computed them."""
    found: Answers = json.loads((directory / "online_retail_answers.json").read_text())
    return found


def money(query: Callable[[str], Rows]) -> Answers:
    """Gold's figures for `MONEY`, to the last digit."""
    buyers = query("SELECT region, customer_id, revenue FROM v_top_buyers_by_region WHERE rank = 1")
    months = query("SELECT to_char(month, 'YYYY-MM'), revenue FROM v_revenue_by_month")
    return {
        "revenue": str(query("SELECT sum(total_amount) FROM fact_transactions")[0][0]),
        "revenue_by_month": {month: str(revenue) for month, revenue in months},
        "top_buyer_by_region": {r: [customer, str(revenue)] for r, customer, revenue in buyers},
    }
