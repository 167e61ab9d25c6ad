-- Purpose: the sales lines above their threshold, of those that loads wrote.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one),
--          batches (the loads)

INSERT INTO judged (
    transaction_id, invoice_no, stock_code, quantity, invoice_date, baseline_month, median_qty, std_deviation,
    base_threshold
)
WITH lines AS MATERIALIZED (
    SELECT
        f.transaction_id,
        f.invoice_no,
        p.stock_code,
        f.quantity,
        f.invoice_date,
        date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date AS month
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
)

SELECT
    n.transaction_id,
    n.invoice_no,
    n.stock_code,
    n.quantity,
    n.invoice_date,
    l.baseline_month,
    l.median_qty,
    l.std_deviation,
    l.base_threshold
FROM lines AS n
INNER JOIN limits AS l ON n.stock_code = l.stock_code AND n.month = l.month
WHERE
    n.quantity > l.base_threshold
    AND NOT l.is_whole;
