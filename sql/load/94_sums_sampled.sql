-- Purpose: of what this load changed, 20 products and months whose sums are checked.
-- Run by:  jobs/gold/merge.py
-- Parameters: batch_id
-- Makes:   sampled (products and months), sampled_lines (their lines, empty; 95 fills it)
--          The last statement gives the months.

CREATE TEMP TABLE sampled ON COMMIT DROP AS
SELECT DISTINCT
    c.stock_code,
    c.month,
    md5(c.stock_code || c.batch_id) AS lot
FROM ops.sales_changes AS c
WHERE c.batch_id = %(batch_id)s
ORDER BY lot
LIMIT 20;

ANALYZE sampled;

CREATE TEMP TABLE sampled_lines (
    stock_code text,
    month date,
    customer_sk bigint,
    quantity integer,
    total_amount numeric
) ON COMMIT DROP;

SELECT DISTINCT s.month
FROM sampled AS s
ORDER BY s.month;
