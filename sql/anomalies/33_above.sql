-- Purpose: of the lines above their threshold, those that no forgiven line excuses.
-- Run by:  jobs/analytics/scoring.py
-- Makes:   above, fallen (empty; 34 fills it)
--          Its last statement gives the months that were scored.

ANALYZE judged;

-- As the lines are now: a load may have changed them since they were judged, or taken them away.
-- What was found is of one place; the others are where they were flagged.
CREATE TEMP TABLE forgiven ON COMMIT DROP AS
SELECT
    n.stock_code,
    n.quantity,
    n.invoice_date
FROM found AS n
INNER JOIN sought AS s ON n.transaction_id = s.transaction_id
WHERE s.is_forgiven
UNION
SELECT
    a.stock_code,
    a.quantity,
    a.invoice_date
FROM anomalies AS a
WHERE
    a.status = 'FALSE_POSITIVE'
    AND NOT a.line_changed
    AND a.stock_code IN (SELECT j.stock_code FROM judged AS j)
    AND a.invoice_date >= (SELECT min(j.invoice_date) - interval '12 months' FROM judged AS j)
    AND (
        SELECT f.quantity FROM fact_transactions AS f
        WHERE f.transaction_id = a.transaction_id AND f.invoice_date = a.invoice_date
    ) IS NOT NULL;

CREATE TEMP TABLE above ON COMMIT DROP AS
WITH floors AS (
    SELECT
        j.transaction_id,
        max(g.quantity) AS floor_quantity
    FROM judged AS j
    INNER JOIN forgiven AS g
        ON
            j.stock_code = g.stock_code
            AND j.invoice_date > g.invoice_date
            AND j.invoice_date - interval '12 months' <= g.invoice_date
    GROUP BY j.transaction_id
)

SELECT
    j.transaction_id,
    j.invoice_no,
    j.stock_code,
    j.quantity,
    j.invoice_date,
    j.baseline_month,
    j.median_qty,
    j.std_deviation,
    (j.quantity - j.median_qty) / j.std_deviation AS z_score,
    greatest(j.base_threshold, f.floor_quantity) AS threshold
FROM judged AS j
LEFT JOIN floors AS f ON j.transaction_id = f.transaction_id
WHERE j.quantity > greatest(j.base_threshold, f.floor_quantity);

CREATE UNIQUE INDEX above_transaction ON above (transaction_id);
ANALYZE above;

CREATE TEMP TABLE fallen (anomaly_id bigint, never_told boolean) ON COMMIT DROP;

SELECT DISTINCT d.month
FROM due AS d
ORDER BY d.month;
