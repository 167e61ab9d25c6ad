-- Purpose: which of the lines that are sought a month of the fact has.
-- Run by:  jobs/analytics/scoring.py, once for each month that can have one
-- Parameters: month, start, past (its first moment, and the next month's)

INSERT INTO found (transaction_id, stock_code, month, quantity, invoice_date)
SELECT
    f.transaction_id,
    p.stock_code,
    %(month)s AS month,
    f.quantity,
    f.invoice_date
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.transaction_id IN (SELECT s.transaction_id FROM sought AS s);
