-- Purpose: exact median and sample standard deviation of quantity, by product and month.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: batch_id, monthly, min_lines
-- Method:  lines were counted by quantity first (21). A cell is in the baselines of the 12 months after
--          its own: of a product and quantity, the count changes at few months and holds until the
--          next, which is far less to sort than each month's cells. Products and months are numbers,
--          which sort faster; a baseline is a slot.
--          median: mean of the middle one or two; deviation: sqrt((Σq² − (Σq)²/n) / (n − 1)),
--          in exact arithmetic, 1 where it is zero or n is 1. A bigint holds the squares of small
--          quantities, however many.

ANALYZE cells;

CREATE TEMP TABLE slots ON COMMIT DROP AS
WITH products AS (
    SELECT
        w.stock_code,
        -- room for the months of 10,000 years, and 13 more
        row_number() OVER () * 200000 AS base
    FROM wanted AS w
    GROUP BY w.stock_code
)

SELECT
    w.stock_code,
    w.month,
    p.base,
    p.base + coalesce(extract(YEAR FROM w.month) * 12 + extract(MONTH FROM w.month), 0)::integer AS slot
FROM wanted AS w
INNER JOIN products AS p ON w.stock_code = p.stock_code;

ANALYZE slots;

INSERT INTO anomaly_baselines AS b (
    stock_code, month, line_count, median_qty, std_deviation, is_sufficient, batch_id
)
WITH products AS (
    SELECT DISTINCT
        s.stock_code,
        s.base
    FROM slots AS s
),

numbered AS MATERIALIZED (
    SELECT
        p.base,
        p.base + CASE
            WHEN %(monthly)s THEN (extract(YEAR FROM c.month) * 12 + extract(MONTH FROM c.month))::integer
            ELSE -1
        END AS own,
        c.quantity,
        c.lines::integer AS lines
    FROM cells AS c
    INNER JOIN products AS p ON c.stock_code = p.stock_code
),

changes_of_counts AS (
    SELECT
        n.base,
        n.quantity,
        n.own + 1 AS slot,
        n.lines
    FROM numbered AS n
    UNION ALL
    SELECT
        n.base,
        n.quantity,
        n.own + 13 AS slot,
        -n.lines AS lines
    FROM numbered AS n
    WHERE %(monthly)s
),

held AS (
    SELECT
        c.quantity,
        c.slot,
        coalesce(lead(c.slot) OVER w, c.slot + 1) AS past,
        (sum(c.lines) OVER w)::bigint AS lines
    FROM changes_of_counts AS c
    WINDOW w AS (PARTITION BY c.base, c.quantity ORDER BY c.slot ROWS UNBOUNDED PRECEDING)
),

counted AS (
    SELECT
        s.slot,
        h.quantity,
        h.lines
    FROM held AS h
    CROSS JOIN LATERAL generate_series(h.slot, h.past - 1) AS g (slot)
    INNER JOIN slots AS s ON g.slot = s.slot
    WHERE h.lines > 0
),

running AS (
    SELECT
        c.slot,
        c.quantity,
        c.lines,
        (sum(c.lines) OVER (PARTITION BY c.slot ORDER BY c.quantity ROWS UNBOUNDED PRECEDING))::bigint AS upto,
        (sum(c.lines) OVER (PARTITION BY c.slot))::bigint AS total
    FROM counted AS c
),

figures AS (
    SELECT
        r.slot,
        max(r.total) AS total,
        min(r.quantity) FILTER (WHERE r.upto >= (r.total + 1) / 2) AS low_middle,
        min(r.quantity) FILTER (WHERE r.upto >= r.total / 2 + 1) AS high_middle,
        sum(r.lines * r.quantity) AS units,
        coalesce(sum(r.lines * r.quantity * r.quantity) FILTER (WHERE r.quantity < 65536), 0)
        + coalesce(sum(r.lines * r.quantity::numeric * r.quantity) FILTER (WHERE r.quantity >= 65536), 0)
            AS squares
    FROM running AS r
    GROUP BY r.slot
),

spread AS (
    SELECT
        f.slot,
        f.total,
        (f.low_middle + f.high_middle::double precision) / 2 AS median_qty,
        CASE
            WHEN f.total > 1
                THEN (f.squares * f.total - f.units * f.units) / (f.total::numeric * (f.total - 1))
            ELSE 0
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
FROM slots AS w
LEFT JOIN spread AS s ON w.slot = s.slot
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
