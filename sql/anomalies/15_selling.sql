-- Purpose: in which months the products in question have sales lines.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO selling (stock_code, month)
WITH sold AS (
    SELECT DISTINCT
        p.stock_code,
        date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date AS month
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE
        f.invoice_date >= %(start)s
        AND f.invoice_date < %(past)s
        AND f.quantity > 0
        AND p.stock_code IN (SELECT a.stock_code FROM asked AS a)
)

SELECT
    s.stock_code,
    s.month
FROM sold AS s
INNER JOIN asked AS a ON s.stock_code = a.stock_code AND s.month = a.month
UNION ALL
SELECT
    s.stock_code,
    s.month
FROM sold AS s
INNER JOIN asked AS a ON s.stock_code = a.stock_code AND a.month IS NULL;
