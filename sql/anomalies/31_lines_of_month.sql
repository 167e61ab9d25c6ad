-- Purpose: the sales lines of a month that are scored, of products whose every line is.
-- Run by:  jobs/analytics/scoring.py, once for each month that has such a product
-- Parameters: month, start, past (its first moment, and the next month's)

INSERT INTO scored (transaction_id, invoice_no, stock_code, quantity, invoice_date, month)
SELECT
    f.transaction_id,
    f.invoice_no,
    p.stock_code,
    f.quantity,
    f.invoice_date,
    %(month)s AS month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND p.stock_code IN (
        SELECT d.stock_code FROM due AS d
        WHERE d.month = %(month)s AND d.is_whole
    );
