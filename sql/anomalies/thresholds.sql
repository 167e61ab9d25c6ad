-- Purpose: a product's thresholds, month by month, as of the month's last sales line.
-- Run by:  jobs/analytics/review_anomaly.py, before and after a review
-- Parameters: code, since (a moment in the first month), k

WITH months AS (
    SELECT
        make_date(f.date_sk / 10000, mod(f.date_sk / 100, 100), 1) AS month,
        max(f.invoice_date) AS last_sale
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE
        p.stock_code = %(code)s
        AND f.quantity > 0
        AND f.invoice_date >= date_trunc('month', %(since)s::timestamptz)
    GROUP BY 1
),

forgiven AS (
    SELECT
        f.quantity,
        f.invoice_date
    FROM anomalies AS a
    INNER JOIN fact_transactions AS f ON a.transaction_id = f.transaction_id
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE a.status = 'FALSE_POSITIVE' AND p.stock_code = %(code)s
)

SELECT
    to_char(m.month, 'YYYY-MM') AS month,
    greatest(
        b.median_qty + %(k)s::double precision * b.std_deviation,
        (
            SELECT max(g.quantity) FROM forgiven AS g
            WHERE
                g.invoice_date < m.last_sale
                AND g.invoice_date >= m.last_sale - interval '12 months'
        )
    ) AS threshold
FROM months AS m
INNER JOIN anomaly_baselines AS b
    ON (m.month = b.month OR b.month IS NULL)
WHERE
    b.stock_code = %(code)s
    AND b.is_sufficient
ORDER BY month;
