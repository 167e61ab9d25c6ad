-- Purpose: takes back the flags that no longer hold, and sets those of lines above their threshold.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: batch_id
-- A status and its notes change only by a person; here the figures and still_flagged do.

-- Status and notes are read here, for a person may have set them just now.
DELETE FROM anomalies AS a
USING fallen AS f
WHERE
    a.anomaly_id = f.anomaly_id
    AND f.never_told
    AND a.status = 'NEW'
    AND a.investigator_notes IS NULL;

UPDATE anomalies AS a
SET still_flagged = FALSE
FROM fallen AS f
WHERE a.anomaly_id = f.anomaly_id;

-- A line that is above its threshold again, after it was not, is news again.
INSERT INTO anomalies AS a (
    transaction_id, order_id, stock_code, quantity, median_qty, std_deviation, z_score,
    threshold, baseline_month, invoice_date, batch_id
)
SELECT
    n.transaction_id,
    n.invoice_no,
    n.stock_code,
    n.quantity,
    n.median_qty,
    n.std_deviation,
    n.z_score,
    n.threshold,
    n.baseline_month,
    n.invoice_date,
    %(batch_id)s AS batch_id
FROM above AS n
ON CONFLICT (transaction_id) DO UPDATE SET
    order_id = excluded.order_id,
    stock_code = excluded.stock_code,
    quantity = excluded.quantity,
    median_qty = excluded.median_qty,
    std_deviation = excluded.std_deviation,
    z_score = excluded.z_score,
    threshold = excluded.threshold,
    baseline_month = excluded.baseline_month,
    invoice_date = excluded.invoice_date,
    still_flagged = TRUE,
    line_changed = FALSE,
    batch_id = CASE WHEN a.still_flagged THEN a.batch_id ELSE excluded.batch_id END,
    alert_timestamp = CASE WHEN a.still_flagged THEN a.alert_timestamp ELSE now() END
WHERE
(a.stock_code, a.quantity, a.median_qty, a.std_deviation, a.threshold, a.invoice_date, a.still_flagged)
IS DISTINCT FROM
(
    excluded.stock_code, excluded.quantity, excluded.median_qty, excluded.std_deviation,
    excluded.threshold, excluded.invoice_date, TRUE
);
