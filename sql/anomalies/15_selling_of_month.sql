-- Purpose: which of the products in question have sales lines in a month.
-- Run by:  jobs/analytics/scoring.py, once for each month that is asked for
-- Parameters: month, start, past (its first moment, and the next month's)

INSERT INTO selling (stock_code, month)
SELECT DISTINCT
    p.stock_code,
    %(month)s AS month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND p.stock_code IN (
        SELECT a.stock_code FROM asked AS a
        WHERE a.month IS NULL OR a.month = %(month)s
    );
