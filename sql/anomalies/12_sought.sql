-- Purpose: judged lines that are no longer what they were when they were flagged: forgiven ones,
--          and those of products and months that have just been reviewed.
-- Run by:  jobs/analytics/scoring.py
-- Makes:   sought (these lines), found (empty: where they are now; 13 fills it)
--          Its last statement gives the months of the fact that can hold one.

CREATE TEMP TABLE sought ON COMMIT DROP AS
SELECT
    a.transaction_id,
    a.status = 'FALSE_POSITIVE' AS is_forgiven,
    c.batch_id
FROM anomalies AS a
LEFT JOIN changes AS c
    ON
        a.stock_code = c.stock_code
        AND c.month = date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date
        AND c.reason = 'review'
WHERE
    a.line_changed
    AND (a.status = 'FALSE_POSITIVE' OR c.stock_code IS NOT NULL);

CREATE TEMP TABLE found (
    transaction_id text,
    stock_code text,
    month date,
    quantity integer,
    invoice_date timestamptz
) ON COMMIT DROP;

SELECT ops.fact_months_within(array_agg(s.transaction_id), array_agg(s.transaction_id)) AS month
FROM sought AS s
HAVING count(*) > 0;
