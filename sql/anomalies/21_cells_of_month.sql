-- Purpose: a month's sales lines counted by product and quantity, for the baselines they are in.
-- Run by:  jobs/analytics/scoring.py, once for each month that a baseline is of
-- Parameters: month, start, past (its first moment, and the next month's)

INSERT INTO cells (stock_code, month, quantity, lines)
SELECT
    p.stock_code,
    %(month)s AS month,
    f.quantity,
    count(*) AS lines
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND p.stock_code IN (
        SELECT w.stock_code FROM wanted AS w
        WHERE w.month IS NULL OR (w.month > %(month)s AND w.month <= %(month)s + interval '12 months')
    )
    AND NOT EXISTS (
        SELECT 1 FROM anomalies AS a
        WHERE a.transaction_id = f.transaction_id AND a.status = 'RESOLVED'
    )
GROUP BY p.stock_code, f.quantity;
