-- Purpose: which of the lines that are sought some months of the fact have.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO found (transaction_id, stock_code, month, quantity, invoice_date)
SELECT
    f.transaction_id,
    p.stock_code,
    date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date AS month,
    f.quantity,
    f.invoice_date
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.transaction_id IN (SELECT s.transaction_id FROM sought AS s);
