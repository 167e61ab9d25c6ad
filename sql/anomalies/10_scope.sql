-- Purpose: which baselines to compute and which lines to score: those of new lines, and
--          those that changed lines and reviews restate. Nothing else is looked at.
-- Run by:  jobs/analytics/scoring.py, first of one transaction
-- Parameters: monthly (baseline of the 12 months before; else the whole history),
--          rescore_all, refresh_month (a month to compute ahead, or null)
-- Makes:   changes, stale (products and months whose baseline or floor changed),
--          due (products and months whose lines are scored), wanted (baselines to compute)

-- Until we commit, no sender claims the pending mail: what it tells of is not taken back meanwhile.
SELECT o.mail_id
FROM ops.mail_outbox AS o
WHERE o.status = 'PENDING'
FOR UPDATE;

CREATE TEMP TABLE changes ON COMMIT DROP AS
WITH claimed AS (
    DELETE FROM ops.sales_changes RETURNING stock_code, month, batch_id, reason
)

SELECT
    c.stock_code,
    c.month,
    c.batch_id,
    c.reason
FROM claimed AS c
UNION
-- The line that a person judged may be of another product or month by now.
SELECT
    p.stock_code,
    make_date(f.date_sk / 10000, mod(f.date_sk / 100, 100), 1) AS month,
    c.batch_id,
    c.reason
FROM claimed AS c
INNER JOIN anomalies AS a
    ON
        c.stock_code = a.stock_code
        AND c.month = date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date
INNER JOIN fact_transactions AS f ON a.transaction_id = f.transaction_id
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE c.reason = 'review';

ANALYZE changes;

-- Products and months that have sales lines, of the products in question.
CREATE TEMP TABLE selling ON COMMIT DROP AS
SELECT
    p.stock_code,
    make_date(f.date_sk / 10000, mod(f.date_sk / 100, 100), 1) AS month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.quantity > 0
    AND (%(rescore_all)s OR p.stock_code IN (SELECT c.stock_code FROM changes AS c))
GROUP BY 1, 2;

ANALYZE selling;

CREATE TEMP TABLE stale (stock_code text, month date, PRIMARY KEY (stock_code, month)) ON COMMIT DROP;

INSERT INTO stale (stock_code, month)
WITH reach AS (
    -- The baselines that a line of a month is in, and how far it can be a floor.
    SELECT DISTINCT
        c.stock_code,
        (c.month + make_interval(months => n.ahead))::date AS month
    FROM changes AS c
    CROSS JOIN generate_series(1, 12) AS n (ahead)
    WHERE c.reason <> 'prices'
)

SELECT
    s.stock_code,
    s.month
FROM selling AS s
INNER JOIN reach AS r ON s.stock_code = r.stock_code AND s.month = r.month
UNION
SELECT
    s.stock_code,
    s.month
FROM selling AS s
WHERE
    %(rescore_all)s
    OR (
        NOT %(monthly)s
        AND s.stock_code IN (
            SELECT c.stock_code FROM changes AS c
            WHERE c.reason <> 'prices'
        )
    );

ANALYZE stale;

-- The months that changed, too, with all their lines: one that changed may be the floor of others.
CREATE TEMP TABLE due ON COMMIT DROP AS
SELECT
    s.stock_code,
    s.month
FROM stale AS s
UNION
SELECT
    c.stock_code,
    c.month
FROM changes AS c;

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
FROM anomaly_baselines AS b
INNER JOIN changes AS c ON b.stock_code = c.stock_code AND c.reason <> 'prices'
WHERE b.month IS NULL OR (b.month > c.month AND b.month <= c.month + interval '12 months')
UNION
SELECT
    b.stock_code,
    b.month
FROM anomaly_baselines AS b
WHERE %(rescore_all)s
UNION
SELECT
    s.stock_code,
    s.month
FROM selling AS s
INNER JOIN changes AS c ON s.stock_code = c.stock_code AND s.month = c.month
WHERE
    %(monthly)s
    AND NOT EXISTS (
        SELECT 1 FROM anomaly_baselines AS b
        WHERE b.stock_code = s.stock_code AND b.month = s.month
    )
UNION
SELECT
    p.stock_code,
    %(refresh_month)s::date AS month
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    %(refresh_month)s::date IS NOT NULL
    AND f.quantity > 0
    AND f.invoice_date >= (%(refresh_month)s::date - interval '12 months') AT TIME ZONE 'UTC'
    AND f.invoice_date < %(refresh_month)s::timestamp AT TIME ZONE 'UTC';

ANALYZE wanted;
