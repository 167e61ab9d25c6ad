-- Purpose: flag lines above their threshold; take back flags that no longer hold.
-- Run by:  jobs/analytics/scoring.py
-- Parameters: batch_id, monthly, k
-- A status and its notes change only by a person; here the figures and still_flagged do.

CREATE TEMP TABLE above ON COMMIT DROP AS
WITH lines AS (
    SELECT
        f.transaction_id,
        f.invoice_no,
        p.stock_code,
        f.quantity,
        f.invoice_date,
        make_date(f.date_sk / 10000, mod(f.date_sk / 100, 100), 1) AS month,
        f.batch_id
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE
        f.quantity > 0
        AND f.invoice_date >= (
            SELECT min(x.month)::timestamp AT TIME ZONE 'UTC'
            FROM (
                SELECT c.month FROM changes AS c
                UNION ALL
                SELECT s.month FROM stale AS s
            ) AS x
        )
        AND f.invoice_date < (
            SELECT (max(x.month) + interval '1 month') AT TIME ZONE 'UTC'
            FROM (
                SELECT c.month FROM changes AS c
                UNION ALL
                SELECT s.month FROM stale AS s
            ) AS x
        )
),

scored AS (
    SELECT l.*
    FROM lines AS l
    INNER JOIN stale AS s ON l.stock_code = s.stock_code AND l.month = s.month
    UNION
    SELECT l.*
    FROM lines AS l
    INNER JOIN changes AS c
        ON l.stock_code = c.stock_code AND l.month = c.month AND l.batch_id = c.batch_id
),

judged AS (
    SELECT
        s.transaction_id,
        s.invoice_no,
        s.stock_code,
        s.quantity,
        s.invoice_date,
        b.month AS baseline_month,
        b.median_qty,
        b.std_deviation,
        b.median_qty + %(k)s::double precision * b.std_deviation AS base_threshold
    FROM scored AS s
    INNER JOIN anomaly_baselines AS b
        ON
            s.stock_code = b.stock_code
            AND coalesce(b.month, '0001-01-01') = CASE WHEN %(monthly)s THEN s.month ELSE '0001-01-01' END
            AND b.is_sufficient
    WHERE s.quantity > b.median_qty + %(k)s::double precision * b.std_deviation
),

floored AS (
    SELECT
        j.*,
        (
            SELECT max(a.quantity) FROM anomalies AS a
            WHERE
                a.stock_code = j.stock_code
                AND a.status = 'FALSE_POSITIVE'
                AND a.invoice_date < j.invoice_date
                AND a.invoice_date >= j.invoice_date - interval '12 months'
        ) AS floor_quantity
    FROM judged AS j
)

SELECT
    f.transaction_id,
    f.invoice_no,
    f.stock_code,
    f.quantity,
    f.invoice_date,
    f.baseline_month,
    f.median_qty,
    f.std_deviation,
    (f.quantity - f.median_qty) / f.std_deviation AS z_score,
    greatest(f.base_threshold, f.floor_quantity) AS threshold
FROM floored AS f
WHERE f.quantity > greatest(f.base_threshold, f.floor_quantity);

CREATE UNIQUE INDEX above_transaction ON above (transaction_id);
ANALYZE above;

-- No longer above its threshold, or no longer there.
CREATE TEMP TABLE fallen ON COMMIT DROP AS
WITH standing AS (
    SELECT
        a.anomaly_id,
        a.transaction_id,
        a.stock_code,
        a.quantity,
        a.invoice_date,
        a.status,
        a.batch_id,
        date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date AS month
    FROM anomalies AS a
    WHERE
        a.still_flagged
        AND NOT EXISTS (
            SELECT 1 FROM above AS n
            WHERE n.transaction_id = a.transaction_id
        )
),

told AS (
    SELECT DISTINCT m.batch_id
    FROM ops.mail_findings AS m
    INNER JOIN ops.mail_outbox AS o ON m.mail_id = o.mail_id
    WHERE m.kind = 'anomalies' AND o.status <> 'PENDING'
)

SELECT
    t.anomaly_id,
    t.status = 'NEW' AND d.batch_id IS NULL AS never_told
FROM standing AS t
LEFT JOIN told AS d ON t.batch_id = d.batch_id
WHERE
    EXISTS (
        SELECT 1 FROM stale AS s
        WHERE s.stock_code = t.stock_code AND s.month = t.month
    )
    OR (
        EXISTS (
            SELECT 1 FROM changes AS c
            WHERE c.stock_code = t.stock_code AND c.month = t.month
        )
        AND NOT EXISTS (
            SELECT 1 FROM fact_transactions AS f
            INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
            WHERE
                f.transaction_id = t.transaction_id
                AND f.invoice_date = t.invoice_date
                AND f.quantity = t.quantity
                AND p.stock_code = t.stock_code
        )
    );

DELETE FROM anomalies AS a
USING fallen AS f
WHERE a.anomaly_id = f.anomaly_id AND f.never_told;

UPDATE anomalies AS a
SET still_flagged = FALSE
FROM fallen AS f
WHERE a.anomaly_id = f.anomaly_id AND NOT f.never_told;

-- A line that is above its threshold again, after it was not, is news again.
INSERT INTO anomalies AS a (
    transaction_id, order_id, stock_code, quantity, median_qty, std_deviation, z_score,
    threshold, baseline_month, invoice_date, batch_id
)
SELECT
    n.transaction_id,
    n.invoice_no,
    n.stock_code,
    n.quantity,
    n.median_qty,
    n.std_deviation,
    n.z_score,
    n.threshold,
    n.baseline_month,
    n.invoice_date,
    %(batch_id)s AS batch_id
FROM above AS n
ON CONFLICT (transaction_id) DO UPDATE SET
    order_id = excluded.order_id,
    stock_code = excluded.stock_code,
    quantity = excluded.quantity,
    median_qty = excluded.median_qty,
    std_deviation = excluded.std_deviation,
    z_score = excluded.z_score,
    threshold = excluded.threshold,
    baseline_month = excluded.baseline_month,
    invoice_date = excluded.invoice_date,
    still_flagged = TRUE,
    batch_id = CASE WHEN a.still_flagged THEN a.batch_id ELSE excluded.batch_id END,
    alert_timestamp = CASE WHEN a.still_flagged THEN a.alert_timestamp ELSE now() END
WHERE
(a.stock_code, a.quantity, a.median_qty, a.std_deviation, a.threshold, a.invoice_date, a.still_flagged)
IS DISTINCT FROM
(
    excluded.stock_code, excluded.quantity, excluded.median_qty, excluded.std_deviation,
    excluded.threshold, excluded.invoice_date, TRUE
);
