-- Purpose: exact median and sample standard deviation of quantity, by product and month.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: batch_id, monthly, min_lines
-- Method:  lines were counted by quantity first (21), so that a year of lines is a few cells.
--          median: mean of the middle one or two; deviation: sqrt((Σq² − (Σq)²/n) / (n − 1)),
--          in exact arithmetic, 1 where it is zero or n is 1.

ANALYZE cells;

INSERT INTO anomaly_baselines AS b (
    stock_code, month, line_count, median_qty, std_deviation, is_sufficient, batch_id
)
WITH counted AS (
    SELECT
        w.stock_code,
        w.month,
        c.quantity,
        sum(c.lines) AS lines
    FROM wanted AS w
    INNER JOIN cells AS c
        ON
            w.stock_code = c.stock_code
            AND (w.month IS NULL OR (w.month > c.month AND c.month >= w.month - interval '12 months'))
    GROUP BY w.stock_code, w.month, c.quantity
),

running AS (
    SELECT
        c.stock_code,
        c.month,
        c.quantity,
        c.lines,
        sum(c.lines) OVER (PARTITION BY c.stock_code, c.month ORDER BY c.quantity) AS upto,
        sum(c.lines) OVER (PARTITION BY c.stock_code, c.month) AS total
    FROM counted AS c
),

figures AS (
    SELECT
        r.stock_code,
        r.month,
        r.total,
        min(r.quantity) FILTER (WHERE r.upto >= div(r.total + 1, 2)) AS low_middle,
        min(r.quantity) FILTER (WHERE r.upto >= div(r.total, 2) + 1) AS high_middle,
        sum(r.lines * r.quantity) AS units,
        sum(r.lines * r.quantity::numeric * r.quantity) AS squares
    FROM running AS r
    GROUP BY r.stock_code, r.month, r.total
),

spread AS (
    SELECT
        f.stock_code,
        f.month,
        f.total,
        (f.low_middle + f.high_middle::double precision) / 2 AS median_qty,
        CASE
            WHEN f.total > 1 THEN (f.squares * f.total - f.units * f.units) / (f.total * (f.total - 1)) ELSE 0
        END AS variance
    FROM figures AS f
)

SELECT
    w.stock_code,
    w.month,
    coalesce(s.total, 0)::integer AS line_count,
    coalesce(s.median_qty, 0) AS median_qty,
    CASE WHEN s.variance > 0 THEN sqrt(s.variance)::double precision ELSE 1 END AS std_deviation,
    coalesce(s.total, 0) >= %(min_lines)s AS is_sufficient,
    %(batch_id)s AS batch_id
FROM wanted AS w
LEFT JOIN spread AS s
    ON w.stock_code = s.stock_code AND coalesce(w.month, '0001-01-01') = coalesce(s.month, '0001-01-01')
ON CONFLICT (stock_code, month) DO UPDATE SET
    line_count = excluded.line_count,
    median_qty = excluded.median_qty,
    std_deviation = excluded.std_deviation,
    is_sufficient = excluded.is_sufficient,
    batch_id = excluded.batch_id,
    computed_at = now()
WHERE (b.line_count, b.median_qty, b.std_deviation, b.is_sufficient)
IS DISTINCT FROM
(excluded.line_count, excluded.median_qty, excluded.std_deviation, excluded.is_sufficient);
