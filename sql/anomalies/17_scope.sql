-- Purpose: which baselines to compute and which lines to score: those of new lines, and
--          those that changed lines and reviews restate. Nothing else is looked at.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: monthly (baseline of the 12 months before; else the whole history),
--          rescore_all, refresh_month (a month to compute ahead, or null)
-- Makes:   stale (products and months whose baseline or floor changed), due (products and months
--          whose lines are scored: all of them, or those alone that the loads wrote),
--          wanted (baselines to compute)
-- The last statement gives the months that the baselines are of.

CREATE TEMP TABLE stale (stock_code text, month date, PRIMARY KEY (stock_code, month)) ON COMMIT DROP;

INSERT INTO stale (stock_code, month)
SELECT
    s.stock_code,
    s.month
FROM selling AS s
INNER JOIN asked AS a ON s.stock_code = a.stock_code AND s.month = a.month
WHERE a.is_stale
UNION ALL
SELECT
    s.stock_code,
    s.month
FROM selling AS s
INNER JOIN asked AS a ON s.stock_code = a.stock_code AND a.month IS NULL
WHERE a.is_stale AND (NOT %(monthly)s OR s.month >= (SELECT ops.scoring_starts()));

ANALYZE stale;

-- Of a month that changed, the other lines are as they were, unless a line that people judge came
-- to be another: it may be the floor of others. A month without a baseline was never scored.
CREATE TEMP TABLE due ON COMMIT DROP AS
SELECT
    d.stock_code,
    d.month,
    bool_or(d.is_whole) AS is_whole
FROM (
    SELECT
        s.stock_code,
        s.month,
        TRUE AS is_whole
    FROM stale AS s
    UNION ALL
    SELECT
        l.stock_code,
        l.month,
        TRUE AS is_whole
    FROM lacking AS l
    UNION ALL
    SELECT
        c.stock_code,
        c.month,
        c.reason IN ('review', 'flagged') AS is_whole
    FROM changes AS c
) AS d
GROUP BY d.stock_code, d.month;

ANALYZE due;

CREATE TEMP TABLE wanted (
    stock_code text,
    month date,
    UNIQUE NULLS NOT DISTINCT (stock_code, month)
) ON COMMIT DROP;

INSERT INTO wanted (stock_code, month)
SELECT
    s.stock_code,
    CASE WHEN %(monthly)s THEN s.month END AS month
FROM stale AS s
UNION
-- computed ahead by refresh_baselines, or for lines that went since
SELECT
    b.stock_code,
    b.month
FROM changes AS c
INNER JOIN anomaly_baselines AS b
    ON
        c.stock_code = b.stock_code
        AND c.month < b.month
        AND (c.month + interval '12 months')::date >= b.month
WHERE %(monthly)s AND c.reason <> 'prices' AND b.month >= (SELECT ops.scoring_starts())
UNION
SELECT
    b.stock_code,
    b.month
FROM changes AS c
INNER JOIN anomaly_baselines AS b ON c.stock_code = b.stock_code AND b.month IS NULL
WHERE NOT %(monthly)s AND c.reason <> 'prices'
UNION
SELECT
    b.stock_code,
    b.month
FROM anomaly_baselines AS b
WHERE %(rescore_all)s AND (NOT %(monthly)s OR b.month >= (SELECT ops.scoring_starts()))
UNION
SELECT
    s.stock_code,
    s.month
FROM selling AS s
INNER JOIN lacking AS l ON s.stock_code = l.stock_code AND s.month = l.month
UNION
SELECT
    p.stock_code,
    %(refresh_month)s::date AS month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    %(refresh_month)s::date >= (SELECT ops.scoring_starts())
    AND f.quantity > 0
    AND f.invoice_date >= (%(refresh_month)s::date - interval '12 months') AT TIME ZONE 'UTC'
    AND f.invoice_date < %(refresh_month)s::timestamp AT TIME ZONE 'UTC';

ANALYZE wanted;

CREATE TEMP TABLE cells (stock_code text, month date, quantity integer, lines bigint) ON COMMIT DROP;

SELECT m.month
FROM months AS m
WHERE
    EXISTS (
        SELECT 1 FROM wanted AS w
        WHERE w.month IS NULL OR (w.month > m.month AND w.month <= m.month + interval '12 months')
    )
ORDER BY m.month;
