"""A shop of two years for the measurements of the views, made in Postgres itself.

24 months, 4,000 products in 30 categories with a new price every other month (48,000 versions),
20,000 customers, 40 countries of 5 regions. A quarter of the lines are guests', a fiftieth are
returns; few products and customers have most of the lines, as in a real shop.
"""

from __future__ import annotations

from contextlib import closing
from datetime import date

from psycopg2.extensions import cursor as Cursor

from jobs.common.dates import next_month
from jobs.common.db import connect
from jobs.common.settings import Settings

MONTHS = [date(year, month, 1) for year in (2010, 2011) for month in range(1, 13)]
REGIONS = ("Africa", "Americas", "Asia", "Europe", "Oceania")
CATEGORIES = [f"Category {n:02}" for n in range(30)]
PRODUCTS, CUSTOMERS, COUNTRIES, LINES_AN_INVOICE = 4_000, 20_000, 40, 20

_KEY = "('x' || substr(md5({}), 1, 15))::bit(60)::bigint"
DIMENSIONS = f"""
INSERT INTO ops.runs (job, status, who, backend_pid, ended_at)
VALUES ('bench', 'done', '', 0, now());
INSERT INTO dim_dates
SELECT to_char(d, 'YYYYMMDD')::int, d, extract(YEAR FROM d), extract(QUARTER FROM d),
    extract(MONTH FROM d), trim(to_char(d, 'Month')), extract(DAY FROM d),
    trim(to_char(d, 'Day')), extract(ISODOW FROM d) > 5
FROM generate_series('2010-01-01'::timestamp, '2011-12-31', interval '1 day') AS g (d);
INSERT INTO dim_countries
SELECT n, n, 'Country ' || n, NULL, (%(regions)s::text[])[n %% 5 + 1], NULL
FROM generate_series(1, {COUNTRIES}) AS n;
INSERT INTO dim_customers
SELECT {_KEY.format("'C' || n")}, 'C' || n, '2010-01-01Z', '2011-12-31Z'
FROM generate_series(0, {CUSTOMERS} - 1) AS n;
INSERT INTO dim_products (product_sk, stock_code, description, category, unit_price,
    effective_date, end_date, is_current, withdrawn)
SELECT {_KEY.format("c.code || m.first")}, c.code, 'PRODUCT ' || c.code,
    -- a tenth of the products change their category once
    (%(categories)s::text[])[(c.n + (c.n %% 10 = 0 AND m.first > '2010-12-31')::int) %% 30 + 1],
    (1 + c.n %% 97)::numeric / 4 + extract(MONTH FROM m.first)::numeric / 100,
    m.first, m.last, m.last IS NULL, FALSE
FROM (
    SELECT n, 'P' || lpad(n::text, 5, '0') AS code FROM generate_series(1, {PRODUCTS}) AS n
) AS c
CROSS JOIN (
    SELECT d::date AS first,
        CASE WHEN d < '2011-11-01' THEN (d + interval '2 months')::date END AS last
    FROM generate_series('2010-01-01'::timestamp, '2011-12-01', interval '2 months') AS d
) AS m;
ANALYZE dim_products, dim_customers;
"""
LINES = f"""
INSERT INTO {{}}
WITH invoices AS MATERIALIZED (
    SELECT
        500000 + %(first)s + n AS invoice,
        date_trunc(
            'minute',
            %(month)s::timestamp + n * (%(until)s::timestamp - %(month)s) / %(invoices)s
        ) AS at,
        CASE WHEN random() < 0.75 THEN floor({CUSTOMERS} * random() ^ 2)::int END AS customer
    FROM generate_series(0, %(invoices)s - 1) AS n
), lines AS (
    SELECT i.*, l AS line, 1 + floor({PRODUCTS} * random() ^ 2)::int AS product,
        CASE WHEN random() < 0.02 THEN -1 ELSE 1 END
        * (1 + floor(24 * random() ^ 3))::int AS quantity
    FROM invoices AS i CROSS JOIN generate_series(1, {LINES_AN_INVOICE}) AS l
)
SELECT l.invoice || '-' || l.line, p.product_sk, coalesce(c.customer_sk, -1),
    1 + coalesce(l.customer, l.invoice) %% {COUNTRIES}, to_char(l.at, 'YYYYMMDD')::int,
    l.invoice::text, l.at AT TIME ZONE 'UTC', l.quantity, p.unit_price,
    l.quantity * p.unit_price, l.quantity < 0, 1, 1, l.line
FROM lines AS l
INNER JOIN dim_products AS p
    ON p.stock_code = 'P' || lpad(l.product::text, 5, '0')
    AND p.effective_date <= %(month)s AND %(month)s < coalesce(p.end_date, 'infinity')
LEFT JOIN dim_customers AS c ON c.customer_id = 'C' || l.customer
"""
ANOMALIES = """
INSERT INTO anomaly_baselines
SELECT DISTINCT p.stock_code, m::date, 100, 4, 2, p.stock_code NOT LIKE 'P000%', 1
FROM dim_products AS p
CROSS JOIN generate_series('2010-01-01'::timestamp, '2011-12-01', '1 month') AS m;
INSERT INTO anomalies (transaction_id, order_id, stock_code, quantity, median_qty, std_deviation,
    z_score, threshold, baseline_month, invoice_date, batch_id)
SELECT f.transaction_id, f.invoice_no, p.stock_code, f.quantity, 4, 2, 9, 8,
    date_trunc('month', f.invoice_date AT TIME ZONE 'UTC'), f.invoice_date, 1
FROM fact_transactions AS f INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE f.quantity > 21;
"""


def make(settings: Settings, lines: int) -> None:
    """Fill an empty gold: each month built aside and attached, as the load does."""
    invoices = lines // len(MONTHS) // LINES_AN_INVOICE
    with closing(connect(settings, "owner")) as conn:
        with conn, conn.cursor() as cur:
            cur.execute("SELECT setseed(0.5)")
            cur.execute(DIMENSIONS, {"regions": list(REGIONS), "categories": CATEGORIES})
        for number, month in enumerate(MONTHS):
            with conn, conn.cursor() as cur:
                _make_month(cur, month, invoices, number * invoices)
        with conn, conn.cursor() as cur:
            cur.execute(ANOMALIES)
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute("VACUUM (ANALYZE)")  # as autovacuum would by now


def _make_month(cur: Cursor, month: date, invoices: int, first: int) -> None:
    cur.execute("SELECT ops.create_fact_month(%s)", (month,))
    (name,) = cur.fetchone() or ("",)
    values = {"month": month, "until": next_month(month), "invoices": invoices, "first": first}
    cur.execute(LINES.format(f"public.{name}"), values)
    cur.execute("SELECT ops.attach_fact_month(%s)", (month,))
