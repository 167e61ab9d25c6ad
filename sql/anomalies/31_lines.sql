-- Purpose: the sales lines above their threshold, of products and months whose every line is scored.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO judged (
    transaction_id, invoice_no, stock_code, quantity, invoice_date, baseline_month, median_qty, std_deviation,
    base_threshold
)
WITH least AS (
    SELECT
        l.stock_code,
        min(l.base_threshold) AS threshold
    FROM limits AS l
    WHERE l.is_whole
    GROUP BY l.stock_code
)

SELECT
    f.transaction_id,
    f.invoice_no,
    p.stock_code,
    f.quantity,
    f.invoice_date,
    l.baseline_month,
    l.median_qty,
    l.std_deviation,
    l.base_threshold
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
-- few lines are above even the lowest threshold of their product: the others are not joined by month
INNER JOIN least AS n ON p.stock_code = n.stock_code AND f.quantity > n.threshold
INNER JOIN limits AS l
    ON p.stock_code = l.stock_code AND date_trunc('month', f.invoice_date AT TIME ZONE 'UTC')::date = l.month
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.quantity > 0
    AND f.quantity > l.base_threshold
    AND l.is_whole;
