-- Purpose: sales lines counted by product, month and quantity, for the baselines they are in.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one)

INSERT INTO cells (stock_code, month, quantity, lines)
SELECT
    c.stock_code,
    make_date(c.yyyymm / 100, mod(c.yyyymm, 100), 1) AS month,
    c.quantity,
    c.lines
FROM (
    SELECT
        p.stock_code,
        f.date_sk / 100 AS yyyymm,
        f.quantity,
        count(*) AS lines
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE
        f.invoice_date >= %(start)s
        AND f.invoice_date < %(past)s
        AND f.quantity > 0
        AND p.stock_code IN (SELECT w.stock_code FROM wanted AS w)
        AND NOT EXISTS (
            SELECT 1 FROM anomalies AS a
            WHERE a.transaction_id = f.transaction_id AND a.status = 'RESOLVED'
        )
    GROUP BY 1, 2, 3
) AS c;
