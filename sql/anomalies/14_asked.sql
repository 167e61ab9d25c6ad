-- Purpose: of which products and months it has to be known whether they have sales lines.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: monthly (baseline of the 12 months before; else the whole history), rescore_all
-- Makes:   lacking (what changed and has no baseline), asked (a month that is null: all of them;
--          is_stale: its baseline or floor may be another by now), selling (those of them that do)

-- The line that a person judged may be of another product or month by now.
INSERT INTO changes (stock_code, month, batch_id, reason)
SELECT
    n.stock_code,
    n.month,
    s.batch_id,
    'review' AS reason
FROM found AS n
INNER JOIN sought AS s ON n.transaction_id = s.transaction_id
WHERE s.batch_id IS NOT NULL;

CREATE TEMP TABLE lacking ON COMMIT DROP AS
SELECT DISTINCT
    c.stock_code,
    c.month
FROM changes AS c
WHERE
    %(monthly)s
    AND c.month >= (SELECT ops.scoring_starts())
    AND NOT EXISTS (
        SELECT 1 FROM anomaly_baselines AS b
        WHERE b.stock_code = c.stock_code AND b.month = c.month
    );

ANALYZE lacking;

CREATE TEMP TABLE asked ON COMMIT DROP AS
SELECT
    k.stock_code,
    k.month,
    bool_or(k.is_stale) AS is_stale
FROM (
    -- The baselines that a line of a month is in, and how far it can be a floor.
    SELECT
        c.stock_code,
        r.month,
        TRUE AS is_stale
    FROM changes AS c
    INNER JOIN (
        SELECT
            d.month AS changed,
            m.month
        FROM (SELECT DISTINCT n.month FROM changes AS n) AS d
        INNER JOIN months AS m ON d.month < m.month AND m.month <= d.month + interval '12 months'
    ) AS r ON c.month = r.changed
    WHERE
        %(monthly)s
        AND NOT %(rescore_all)s
        AND c.reason <> 'prices'
        AND r.month >= (SELECT ops.scoring_starts())
    UNION ALL
    SELECT
        l.stock_code,
        l.month,
        FALSE AS is_stale
    FROM lacking AS l
    WHERE NOT %(rescore_all)s
    UNION ALL
    SELECT
        c.stock_code,
        NULL AS month,
        TRUE AS is_stale
    FROM changes AS c
    WHERE NOT %(monthly)s AND NOT %(rescore_all)s AND c.reason <> 'prices'
    UNION ALL
    SELECT
        p.stock_code,
        NULL AS month,
        TRUE AS is_stale
    FROM dim_products AS p
    WHERE %(rescore_all)s
) AS k
GROUP BY k.stock_code, k.month;

ANALYZE asked;

-- Months with sales lines, from the sums that Postgres keeps of them.
CREATE TEMP TABLE selling ON COMMIT DROP AS
SELECT
    a.stock_code,
    s.month
FROM asked AS a
INNER JOIN ops.sales_by_month AS s ON a.month = s.month AND a.stock_code = s.stock_code
WHERE s.sales_lines > 0
UNION
SELECT
    a.stock_code,
    s.month
FROM asked AS a
INNER JOIN ops.sales_by_month AS s ON a.stock_code = s.stock_code
WHERE
    s.sales_lines > 0
    AND a.month IS NULL
    AND EXISTS (
        SELECT 1 FROM asked AS n
        WHERE n.month IS NULL
    );

ANALYZE selling;
