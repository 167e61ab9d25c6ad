-- Purpose: what gold has of the staged transactions: here the errors, then the fact month by month.
-- Run by:  jobs/gold/held.py
-- Parameters: many (whether so many lines are staged that errors are not looked up one by one)
-- Makes:   held; its last statement gives the months of the fact that can hold a staged transaction:
--          of ids that begin alike, the lowest and the highest are asked for

CREATE TEMP TABLE held (
    place text,
    transaction_id text,
    invoice_date timestamptz,
    product_sk bigint,
    customer_sk bigint,
    country_sk bigint,
    date_sk integer,
    invoice_no text,
    quantity integer,
    unit_price numeric,
    total_amount numeric,
    is_return boolean,
    file_key bigint,
    source_line integer,
    error_status text
) ON COMMIT DROP;

INSERT INTO held (place, transaction_id, file_key, source_line, error_status)
SELECT
    'error' AS place,
    e.transaction_id,
    e.file_key,
    e.source_line,
    e.status AS error_status
FROM (
    SELECT DISTINCT l.transaction_id
    FROM staged_lines AS l
    WHERE NOT %(many)s
) AS s
-- each looked up, however many errors there are by now
CROSS JOIN LATERAL (
    SELECT
        t.transaction_id,
        t.file_key,
        t.source_line,
        t.status
    FROM transactions_error AS t
    WHERE t.transaction_id = s.transaction_id AND t.status <> 'REPLAYED'
    OFFSET 0
) AS e;

INSERT INTO held (place, transaction_id, file_key, source_line, error_status)
SELECT
    'error' AS place,
    t.transaction_id,
    t.file_key,
    t.source_line,
    t.status AS error_status
FROM transactions_error AS t
WHERE
    %(many)s
    AND t.status <> 'REPLAYED'
    AND t.transaction_id IN (SELECT l.transaction_id FROM staged_lines AS l);

SELECT ops.fact_months_within(array_agg(r.low), array_agg(r.high)) AS month
FROM (
    SELECT
        min(l.transaction_id) AS low,
        max(l.transaction_id) AS high
    FROM staged_lines AS l
    WHERE l.transaction_id IS NOT NULL AND EXISTS (SELECT 1 FROM fact_transactions)
    GROUP BY left(l.transaction_id, greatest(length(l.transaction_id) - 6, 1)), length(l.transaction_id)
) AS r;
