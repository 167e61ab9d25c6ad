"""What is asked of the views and the star, as Tableau's live connection asks; and the old views."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from bench.views_shop import CATEGORIES, CUSTOMERS, MONTHS, PRODUCTS, REGIONS
from jobs.common.dates import next_month

Values = dict[str, Any]

# The views that read sums since migration 012, as migration 006 had them: from all lines.
BEFORE = """
CREATE SCHEMA before;
GRANT USAGE ON SCHEMA before TO warehouse_reader;
CREATE VIEW before.v_top_buyers_by_region AS
WITH revenue_by_customer AS (
    SELECT c.region, b.customer_id, sum(f.total_amount) AS revenue
    FROM fact_transactions AS f
    INNER JOIN dim_customers AS b ON f.customer_sk = b.customer_sk
    INNER JOIN dim_countries AS c ON f.country_sk = c.country_sk
    WHERE f.customer_sk <> -1
    GROUP BY c.region, b.customer_id
), ranked AS (
    SELECT r.region, row_number() OVER (
        PARTITION BY r.region ORDER BY r.revenue DESC, r.customer_id COLLATE "C" ASC
    ) AS rank, r.customer_id, r.revenue
    FROM revenue_by_customer AS r
)
SELECT k.region, k.rank, k.customer_id, k.revenue FROM ranked AS k WHERE k.rank <= 10;
CREATE VIEW before.v_sales_by_category AS
SELECT p.category, sum(f.total_amount) AS revenue, sum(f.quantity) AS units
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
GROUP BY p.category;
CREATE VIEW before.v_revenue_by_month AS
SELECT make_date(d.year, d.month, 1) AS month, sum(f.total_amount) AS revenue,
    count(*) AS lines, sum(f.quantity) AS units
FROM fact_transactions AS f
INNER JOIN dim_dates AS d ON f.date_sk = d.date_sk
GROUP BY d.year, d.month;
CREATE VIEW before.v_anomaly_coverage AS
WITH sales AS (
    SELECT make_date(d.year, d.month, 1) AS month, p.stock_code, count(*) AS sales_lines
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    INNER JOIN dim_dates AS d ON f.date_sk = d.date_sk
    WHERE f.quantity > 0
    GROUP BY d.year, d.month, p.stock_code
), flagged AS (
    SELECT date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date AS month,
        count(*) AS lines
    FROM anomalies AS a
    WHERE a.still_flagged
    GROUP BY date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date
), covered AS (
    SELECT s.month, sum(s.sales_lines)::bigint AS sales_lines,
        coalesce(sum(s.sales_lines) FILTER (WHERE b.stock_code IS NOT NULL), 0)::bigint AS scored
    FROM sales AS s
    LEFT JOIN anomaly_baselines AS b ON s.stock_code = b.stock_code
        AND (s.month = b.month OR b.month IS NULL) AND b.is_sufficient
    GROUP BY s.month
)
SELECT c.month, c.sales_lines, c.scored, c.sales_lines - c.scored AS unscored,
    coalesce(g.lines, 0) AS flagged
FROM covered AS c
LEFT JOIN flagged AS g ON c.month = g.month;
GRANT SELECT ON ALL TABLES IN SCHEMA before TO warehouse_reader;
"""


def some_values(seed: int) -> Values:
    """A value for each filter; the same for the same seed."""
    chance = Random(seed)
    month = chance.choice(MONTHS)
    day = month.year * 10_000 + month.month * 100
    return {
        "month": month,
        "until": next_month(month),
        "first_day": day + 1,
        "last_day": day + 31,
        "year": month.year,
        "of_year": month.month,
        "region": chance.choice(REGIONS),
        "category": chance.choice(CATEGORIES),
        "customer": f"C{int(CUSTOMERS * chance.random() ** 2)}",
        "product": f"P{1 + int(PRODUCTS * chance.random() ** 2):05}",
        "line": f"{500_000 + chance.randrange(1000)}-{chance.randint(1, 20)}",
    }


@dataclass(frozen=True)
class Case:
    """A query with filters.

    Attributes:
        times: executions a round, each with other values.
        answer: cases with one name here must answer alike; none is compared when empty.
        quick: whether the goal holds for it.
    """

    name: str
    query: str
    times: int = 10
    answer: str = ""
    quick: bool = True


def _views() -> list[Case]:
    month, region = "WHERE month = %(month)s", "WHERE region = %(region)s"
    summed = [
        ("months", "v_revenue_by_month", ""),
        ("months, one month", "v_revenue_by_month", month),
        ("categories", "v_sales_by_category", ""),
        ("categories, one category", "v_sales_by_category", "WHERE category = %(category)s"),
        ("top buyers", "v_top_buyers_by_region", ""),
        ("top buyers, one region", "v_top_buyers_by_region", region),
        ("coverage", "v_anomaly_coverage", ""),
        ("coverage, one month", "v_anomaly_coverage", month),
    ]
    cases = []
    for name, view, where in summed:
        query = f"SELECT * FROM {{}}{view} {where}"
        cases.append(Case(BEFORE_IS + name, query.format("before."), 1, name, quick=False))
        cases.append(Case(name, query.format(""), answer=name))
    return cases


def _lookups() -> list[Case]:
    sought = {
        "prices of a product": "v_price_history WHERE stock_code = %(product)s",
        "purchases of a customer": "v_purchase_history WHERE customer_id = %(customer)s",
        "status of a line": "v_transaction_status WHERE transaction_id = %(line)s",
    }
    return [Case(name, f"SELECT * FROM {rest}") for name, rest in sought.items()]


def _stars() -> list[Case]:
    """Live queries on the star itself: fact and dimensions joined, filtered, summed."""
    of_month = (
        "f.invoice_date >= %(month)s::timestamp AT TIME ZONE 'UTC'"
        " AND f.invoice_date < %(until)s::timestamp AT TIME ZONE 'UTC'"
    )
    by_key = "f.date_sk BETWEEN %(first_day)s AND %(last_day)s"
    by_day = "d.year = %(year)s AND d.month = %(of_year)s"
    category, region = "p.category = %(category)s", "c.region = %(region)s"
    same = "star of a month"
    return [
        _star("star, a month by invoice_date", "p.category", of_month, 8, same),
        _star("star, a month by date_sk", "p.category", by_key, 8, same),
        _star("star, a month by dim_dates", "p.category", by_day, 1, same, quick=False),
        _star("star, a month and a region", "c.country", f"{of_month} AND {region}", 8),
        _star("star, a month and a category", "d.date", f"{of_month} AND {category}", 8),
        _star("star, a product", "d.year, d.month", "p.stock_code = %(product)s", 8),
        _star("star, a category", "d.year, d.month", category, 1, quick=False),
    ]


def _star(
    name: str, by: str, where: str, times: int, answer: str = "", *, quick: bool = True
) -> Case:
    query = (
        f"SELECT {by}, sum(f.total_amount) AS revenue, sum(f.quantity) AS units"
        " FROM fact_transactions AS f"
        " INNER JOIN dim_products AS p ON f.product_sk = p.product_sk"
        " INNER JOIN dim_countries AS c ON f.country_sk = c.country_sk"
        " INNER JOIN dim_dates AS d ON f.date_sk = d.date_sk"
        f" WHERE {where} GROUP BY {by}"
    )
    return Case(name, query, times, answer, quick)


BEFORE_IS = "from all lines: "
CASES = [*_views(), *_lookups(), *_stars()]
