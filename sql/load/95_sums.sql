-- Purpose: whether the sums of what this load changed are those of the fact's lines: of 20 products
--          in their changed months, and of 10 customers among these lines.
-- Run by:  jobs/gold/merge.py
-- Parameters: batch_id

WITH products AS MATERIALIZED (
    SELECT DISTINCT
        c.stock_code,
        c.month,
        md5(c.stock_code || c.batch_id) AS lot
    FROM ops.sales_changes AS c
    WHERE c.batch_id = %(batch_id)s
    ORDER BY lot
    LIMIT 20
),

lines AS MATERIALIZED (
    SELECT
        c.stock_code,
        c.month,
        f.customer_sk,
        f.quantity,
        f.total_amount
    FROM products AS c
    INNER JOIN dim_products AS p ON c.stock_code = p.stock_code
    INNER JOIN fact_transactions AS f
        ON
            p.product_sk = f.product_sk
            AND f.invoice_date >= c.month::timestamp AT TIME ZONE 'UTC'
            AND f.invoice_date < (c.month + interval '1 month') AT TIME ZONE 'UTC'
),

buyers AS MATERIALIZED (
    SELECT DISTINCT l.customer_sk
    FROM lines AS l
    WHERE l.customer_sk <> -1
    ORDER BY l.customer_sk
    LIMIT 10
),

-- a place, its lines, units and revenue: once as counted, once as kept
counted AS (
    SELECT
        c.stock_code || ' ' || c.month AS place,
        count(l.quantity) AS lines,
        coalesce(sum(l.quantity), 0) AS units,
        coalesce(sum(l.total_amount), 0) AS revenue
    FROM products AS c
    LEFT JOIN lines AS l ON c.stock_code = l.stock_code AND c.month = l.month
    GROUP BY c.stock_code, c.month
    UNION ALL
    SELECT
        b.customer_sk::text AS place,
        count(*) AS lines,
        0 AS units,
        sum(f.total_amount) AS revenue
    FROM buyers AS b
    INNER JOIN fact_transactions AS f ON b.customer_sk = f.customer_sk AND f.customer_sk <> -1
    GROUP BY b.customer_sk
),

kept AS (
    SELECT
        s.stock_code || ' ' || s.month AS place,
        sum(s.lines) AS lines,
        sum(s.units) AS units,
        sum(s.revenue) AS revenue
    FROM products AS c
    INNER JOIN ops.sales_by_month AS s ON c.stock_code = s.stock_code AND c.month = s.month
    GROUP BY s.stock_code, s.month
    UNION ALL
    SELECT
        b.customer_sk::text AS place,
        sum(s.lines) AS lines,
        0 AS units,
        sum(s.revenue) AS revenue
    FROM buyers AS b
    INNER JOIN ops.sales_by_buyer AS s ON b.customer_sk = s.customer_sk
    GROUP BY b.customer_sk
)

SELECT count(*) AS wrong
FROM counted AS c
LEFT JOIN kept AS k ON c.place = k.place
WHERE
    (c.lines, c.units, c.revenue)
    <> (coalesce(k.lines, 0), coalesce(k.units, 0), coalesce(k.revenue, 0));
