-- Check:    a flagged anomaly is a line of the fact with that quantity
-- Severity: warn
-- Why:      a line that changed waits for the anomaly job: run it, then look again

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(a.transaction_id), '') AS observed,
    '0 anomalies' AS expected
FROM anomalies AS a
LEFT JOIN fact_transactions AS f
    ON a.transaction_id = f.transaction_id AND a.invoice_date = f.invoice_date
WHERE
    a.still_flagged
    AND a.invoice_date >= coalesce((SELECT ops.gold_starts()), '-infinity')
    AND f.quantity IS DISTINCT FROM a.quantity
