-- Purpose: the sales lines that are scored because loads wrote them.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one),
--          batches (the loads)

INSERT INTO scored (transaction_id, invoice_no, stock_code, quantity, invoice_date, month)
SELECT
    f.transaction_id,
    f.invoice_no,
    p.stock_code,
    f.quantity,
    f.invoice_date,
    u.month
FROM fact_transactions AS f
-- each looked up: there are fewer of them than products' versions
CROSS JOIN
    LATERAL (
        SELECT d.stock_code FROM dim_products AS d
        WHERE d.product_sk = f.product_sk
        LIMIT 1
    ) AS p
INNER JOIN due AS u
    ON p.stock_code = u.stock_code AND date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date = u.month
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.batch_id = any(%(batches)s)
    AND f.quantity > 0
    AND NOT u.is_whole;
