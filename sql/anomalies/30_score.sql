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
        make_date(f.date_sk / 10000, mod(f.date_sk / 100, 100), 1) AS month
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE
        f.quantity > 0
        AND f.invoice_date >= (SELECT min(d.month)::timestamp AT TIME ZONE 'UTC' FROM due AS d)
        AND f.invoice_date < (
            SELECT (max(d.month) + interval '1 month') AT TIME ZONE 'UTC' FROM due AS d
        )
),

scored AS (
    SELECT l.*
    FROM lines AS l
    INNER JOIN due AS d ON l.stock_code = d.stock_code AND l.month = d.month
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

-- As the lines are now: a load may have changed them since they were judged.
forgiven AS (
    SELECT
        p.stock_code,
        f.quantity,
        f.invoice_date
    FROM anomalies AS a
    INNER JOIN fact_transactions AS f ON a.transaction_id = f.transaction_id
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    WHERE a.status = 'FALSE_POSITIVE'
),

floors AS (
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

-- No longer above its threshold, or no longer there.
CREATE TEMP TABLE fallen ON COMMIT DROP AS
WITH standing AS (
    SELECT
        a.anomaly_id,
        a.stock_code,
        a.batch_id,
        a.alert_timestamp > a.created_at AS is_flagged_again,
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
    -- what is flagged again had been kept, since people knew of it
    d.batch_id IS NULL AND NOT t.is_flagged_again AS never_told
FROM standing AS t
INNER JOIN due AS u ON t.stock_code = u.stock_code AND t.month = u.month
LEFT JOIN told AS d ON t.batch_id = d.batch_id;

-- Status and notes are read here, for a person may have set them just now.
DELETE FROM anomalies AS a
USING fallen AS f
WHERE
    a.anomaly_id = f.anomaly_id
    AND f.never_told
    AND a.status = 'NEW'
    AND a.investigator_notes IS NULL;

UPDATE anomalies AS a
SET still_flagged = FALSE
FROM fallen AS f
WHERE a.anomaly_id = f.anomaly_id;

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
