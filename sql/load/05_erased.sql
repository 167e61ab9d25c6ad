-- Purpose: staged lines of erased customers become guest lines. Bronze has none of them, unless an
--          erasure died before it got there.
-- Run by:  jobs/gold/merge.py, first of all, where anyone was erased
-- Reads:   staged_lines

CREATE TEMP TABLE erased ON COMMIT DROP AS
WITH named AS (
    SELECT array_agg(DISTINCT l.customer_id) AS ids
    FROM staged_lines AS l
    WHERE l.customer_id IS NOT NULL
)

SELECT e.customer_id
FROM named AS n
CROSS JOIN LATERAL ops.erased_among(n.ids) AS e (customer_id);

UPDATE staged_lines AS l
SET
    customer_id = NULL,
    customer_sk = -1,
    raw = jsonb_set(l.raw, '{customer_id}', 'null', FALSE)
FROM erased AS e
WHERE l.customer_id = e.customer_id;
