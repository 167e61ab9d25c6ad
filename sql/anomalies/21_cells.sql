-- Purpose: sales lines counted by product, month and quantity, for the baselines they are in.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO cells (stock_code, month, quantity, lines)
SELECT
    p.stock_code,
    make_date(f.date_sk / 100 / 100, mod(f.date_sk / 100, 100), 1) AS month,
    f.quantity,
    count(*) AS lines
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND p.stock_code IN (SELECT w.stock_code FROM wanted AS w)
    AND NOT EXISTS (
        SELECT 1 FROM anomalies AS a
        WHERE a.transaction_id = f.transaction_id AND a.status = 'RESOLVED'
    )
-- days are made months of groups, not of lines
GROUP BY p.stock_code, f.date_sk / 100, f.quantity;
