-- Purpose: after the fact: the error table, customers' dates, versions that are no more,
--          and what later jobs need to know.
-- Run by:  jobs/gold/merge.py
-- Parameters: batch_id, products_staged, countries_staged, forced, since (the first day of which
--          product versions were staged)

-- A row that is bad in the same way as before keeps its batch: it is no news.
INSERT INTO transactions_error AS e (
    error_id, transaction_id, raw, rules, source_file, source_line, file_key, batch_id
)
SELECT
    encode(
        sha256(convert_to(coalesce(w.transaction_id, f.file_sha256 || '|' || w.source_line), 'UTF8')), 'hex'
    ) AS error_id,
    w.transaction_id,
    w.raw,
    w.rules::text[] AS rules,
    f.source_file,
    w.source_line,
    w.file_key,
    %(batch_id)s AS batch_id
FROM winners AS w
INNER JOIN ops.loaded_files AS f ON w.file_key = f.file_key
WHERE
    w.rules IS NOT NULL
    -- else the lines are not read
    AND EXISTS (
        SELECT 1 FROM tally AS t
        WHERE t.is_bad
    )
ON CONFLICT (error_id) DO UPDATE SET
    transaction_id = excluded.transaction_id,
    raw = excluded.raw,
    rules = excluded.rules,
    source_file = excluded.source_file,
    source_line = excluded.source_line,
    file_key = excluded.file_key,
    batch_id = CASE
        WHEN e.status = 'OPEN' AND e.rules = excluded.rules THEN e.batch_id
        ELSE excluded.batch_id
    END,
    attempts = e.attempts + 1,
    status = 'OPEN',
    last_seen = greatest(now(), e.last_seen); -- the clock may have gone back

UPDATE transactions_error AS e
SET
    status = 'REPLAYED',
    attempts = e.attempts + 1,
    batch_id = %(batch_id)s,
    last_seen = greatest(now(), e.last_seen)
FROM held AS h
INNER JOIN winners AS w ON h.transaction_id = w.transaction_id
WHERE
    h.place = 'error'
    AND w.rules IS NULL
    AND e.transaction_id = h.transaction_id
    AND e.status <> 'REPLAYED';

-- New lines can only widen a customer's range …
UPDATE dim_customers AS d
SET
    first_purchase = least(d.first_purchase, n.first_purchase),
    last_purchase = greatest(d.last_purchase, n.last_purchase)
FROM buyers AS n
WHERE
    d.customer_sk = n.customer_sk
    AND (d.first_purchase IS NULL OR n.first_purchase < d.first_purchase OR n.last_purchase > d.last_purchase);

-- … the first or last one that went or moved can narrow it, or leave the customer without any.
WITH shaken AS (
    SELECT r.customer_sk
    FROM replaced AS r
    INNER JOIN dim_customers AS d ON r.customer_sk = d.customer_sk
    LEFT JOIN winners AS w ON r.transaction_id = w.transaction_id
    WHERE
        NOT r.same
        AND r.customer_sk <> -1
        AND (NOT r.stays OR w.customer_sk IS DISTINCT FROM r.customer_sk)
        AND (%(forced)s OR r.invoice_date <= d.first_purchase OR r.invoice_date >= d.last_purchase)
    UNION
    SELECT w.customer_sk
    FROM winners AS w
    WHERE %(forced)s AND w.rules IS NULL AND w.customer_sk <> -1
),

ranges AS (
    SELECT
        s.customer_sk,
        min(f.invoice_date) AS first_purchase,
        max(f.invoice_date) AS last_purchase
    FROM shaken AS s
    LEFT JOIN fact_transactions AS f ON s.customer_sk = f.customer_sk AND f.customer_sk <> -1
    GROUP BY s.customer_sk
),

gone AS (
    DELETE FROM dim_customers AS d
    USING ranges AS g
    WHERE d.customer_sk = g.customer_sk AND g.first_purchase IS NULL
)

UPDATE dim_customers AS d
SET
    first_purchase = g.first_purchase,
    last_purchase = g.last_purchase
FROM ranges AS g
WHERE d.customer_sk = g.customer_sk AND g.first_purchase IS NOT NULL;

-- Days of a month whose last line went.
DELETE FROM dim_dates AS d
USING (
    SELECT DISTINCT date_trunc('month', r.invoice_date AT TIME ZONE 'UTC')::date AS month
    FROM replaced AS r
    WHERE NOT r.stays
) AS m
WHERE
    d.date >= m.month
    AND d.date < m.month + interval '1 month'
    AND NOT EXISTS (
        SELECT 1 FROM fact_transactions AS f
        WHERE
            f.invoice_date >= m.month::timestamp AT TIME ZONE 'UTC'
            AND f.invoice_date < (m.month + interval '1 month') AT TIME ZONE 'UTC'
    );

INSERT INTO ops.fact_months (month, batch_id)
SELECT
    to_date(m.yyyymm::text, 'YYYYMM') AS month,
    %(batch_id)s AS batch_id
FROM (SELECT DISTINCT c.yyyymm FROM changes AS c) AS m
ON CONFLICT (month) DO UPDATE SET batch_id = excluded.batch_id;

-- Products and months for the anomaly job to look at.
INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason)
SELECT
    c.stock_code,
    to_date(c.yyyymm::text, 'YYYYMM') AS month,
    %(batch_id)s AS batch_id,
    CASE WHEN c.is_price THEN 'prices' WHEN c.is_flagged THEN 'flagged' ELSE 'lines' END AS reason
FROM changes AS c
WHERE c.is_sale;

-- Versions and countries that are no more: by now no line points to them.
DELETE FROM dim_products AS d
WHERE
    %(products_staged)s
    AND d.effective_date >= %(since)s
    AND NOT EXISTS (
        SELECT 1 FROM staged_products AS s
        WHERE s.product_sk = d.product_sk
    );

DELETE FROM dim_countries AS d
WHERE
    %(countries_staged)s
    AND NOT EXISTS (
        SELECT 1 FROM staged_countries AS s
        WHERE s.country_id = d.country_id
    );
