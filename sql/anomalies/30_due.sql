-- Purpose: makes room for the lines to score, and says which months they are in.
-- Run by:  jobs/analytics/scoring.py
-- Makes:   scored (empty; 31 and 32 fill it)

CREATE TEMP TABLE scored (
    transaction_id text,
    invoice_no text,
    stock_code text,
    quantity integer,
    invoice_date timestamptz,
    month date
) ON COMMIT DROP;

SELECT
    d.month,
    bool_or(d.is_whole) AS whole,
    bool_or(NOT d.is_whole) AS new
FROM due AS d
GROUP BY d.month
ORDER BY d.month;
