-- Purpose: the sales lines that are scored, of products and months whose every line is.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO scored (transaction_id, invoice_no, stock_code, quantity, invoice_date, month)
SELECT
    f.transaction_id,
    f.invoice_no,
    p.stock_code,
    f.quantity,
    f.invoice_date,
    d.month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
INNER JOIN due AS d
    ON p.stock_code = d.stock_code AND date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date = d.month
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND d.is_whole;
