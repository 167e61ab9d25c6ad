-- Purpose: what has changed since the last run: products and months, and the loads that did it.
-- Run by:  jobs/analytics/scoring.py, first of one transaction
-- Makes:   changes, months (of the fact)

-- Until we commit, no sender claims the pending mail: what it tells of is not taken back meanwhile.
SELECT o.mail_id
FROM ops.mail_outbox AS o
WHERE o.status = 'PENDING'
FOR UPDATE;

CREATE TEMP TABLE changes (stock_code text, month date, batch_id bigint, reason text) ON COMMIT DROP;

WITH claimed AS (
    DELETE FROM ops.sales_changes RETURNING stock_code, month, batch_id, reason
)

INSERT INTO changes (stock_code, month, batch_id, reason)
SELECT DISTINCT
    c.stock_code,
    c.month,
    c.batch_id,
    c.reason
FROM claimed AS c;

ANALYZE changes;

CREATE TEMP TABLE months ON COMMIT DROP AS
SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month
FROM pg_catalog.pg_inherits AS i
INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = 'public.fact_transactions'::regclass;
