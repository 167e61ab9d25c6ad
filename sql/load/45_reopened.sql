-- Purpose: of a load that brought archived months back: work for the anomaly job. What came of these
--          months, and of the 12 after them, while they were closed was not scored.
-- Run by:  jobs/gold/merge.py
-- Reads:   reopened
-- Parameters: batch_id

INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason)
SELECT DISTINCT
    s.stock_code,
    s.month,
    %(batch_id)s AS batch_id,
    'flagged' AS reason -- that all lines are scored, not the load's alone
FROM ops.sales_by_month AS s
INNER JOIN reopened AS r ON s.month >= r.first AND s.month < r.past
WHERE s.sales_lines > 0;
