-- Purpose: marks anomalies whose line the loads made another than it was when it was flagged.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one),
--          batches (the loads)

UPDATE anomalies AS a
SET line_changed = TRUE
FROM (
    SELECT n.anomaly_id
    FROM fact_transactions AS f
    CROSS JOIN
        -- each looked up, however many anomalies there are by now
        LATERAL (
            SELECT
                s.anomaly_id,
                s.stock_code,
                s.quantity,
                s.invoice_date
            FROM anomalies AS s
            WHERE s.transaction_id = f.transaction_id AND NOT s.line_changed
            OFFSET 0
        ) AS n
    WHERE
        f.invoice_date >= %(start)s
        AND f.invoice_date < %(past)s
        AND f.batch_id = any(%(batches)s)
        AND (
            (n.quantity, n.invoice_date) IS DISTINCT FROM (f.quantity, f.invoice_date)
            OR n.stock_code <> (
                SELECT p.stock_code FROM dim_products AS p
                WHERE p.product_sk = f.product_sk
            )
        )
) AS c
WHERE a.anomaly_id = c.anomaly_id;
