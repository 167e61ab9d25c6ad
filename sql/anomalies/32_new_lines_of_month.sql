-- Purpose: the sales lines of a month that are scored because loads wrote them.
-- Run by:  jobs/analytics/scoring.py, once for each month that has a product with no others to score
-- Parameters: month, start, past (its first moment, and the next month's), batches (the loads)

INSERT INTO scored (transaction_id, invoice_no, stock_code, quantity, invoice_date, month)
SELECT
    f.transaction_id,
    f.invoice_no,
    p.stock_code,
    f.quantity,
    f.invoice_date,
    %(month)s AS month
FROM fact_transactions AS f
-- each looked up: there are fewer of them than products' versions
CROSS JOIN
    LATERAL (
        SELECT d.stock_code FROM dim_products AS d
        WHERE d.product_sk = f.product_sk
        LIMIT 1
    ) AS p
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.batch_id = any(%(batches)s)
    AND f.quantity > 0
    AND p.stock_code IN (
        SELECT d.stock_code FROM due AS d
        WHERE d.month = %(month)s AND NOT d.is_whole
    );
