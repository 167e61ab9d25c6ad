-- Purpose: what the lines in question are held against, and in which months they are.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: monthly, k
-- Makes:   limits (the threshold of each product and month that has one), judged (lines above it,
--          empty; 31 and 32 fill it)

CREATE TEMP TABLE limits ON COMMIT DROP AS
SELECT
    d.stock_code,
    d.month,
    d.is_whole,
    b.month AS baseline_month,
    b.median_qty,
    b.std_deviation,
    b.median_qty + %(k)s::double precision * b.std_deviation AS base_threshold
FROM due AS d
INNER JOIN anomaly_baselines AS b
    ON
        d.stock_code = b.stock_code
        AND ((%(monthly)s AND d.month = b.month) OR (NOT %(monthly)s AND b.month IS NULL))
        AND b.is_sufficient
-- of a month that can't be scored, lines that changed can only fall (34)
WHERE NOT %(monthly)s OR d.month >= (SELECT ops.scoring_starts());

ANALYZE limits;

CREATE TEMP TABLE judged (
    transaction_id text,
    invoice_no text,
    stock_code text,
    quantity integer,
    invoice_date timestamptz,
    baseline_month date,
    median_qty double precision,
    std_deviation double precision,
    base_threshold double precision
) ON COMMIT DROP;

SELECT
    l.month,
    bool_or(l.is_whole) AS whole,
    bool_or(NOT l.is_whole) AS new
FROM limits AS l
GROUP BY l.month
ORDER BY l.month;
