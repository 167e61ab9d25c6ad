-- Purpose: what changed in months that were built aside: all their lines came.
-- Run by:  jobs/gold/merge.py, once the months are attached, and their sums counted
-- Parameters: new_months (yyyymm)

INSERT INTO changes (stock_code, yyyymm, is_sale, is_price, is_flagged)
SELECT DISTINCT
    s.stock_code,
    to_char(s.month, 'YYYYMM')::integer AS yyyymm,
    s.sales_lines > 0 AS is_sale,
    FALSE AS is_price,
    FALSE AS is_flagged
FROM ops.sales_by_month AS s
WHERE to_char(s.month, 'YYYYMM')::integer = any(%(new_months)s::integer[])
UNION ALL
-- Some were of another month, and were flagged there.
SELECT DISTINCT
    p.stock_code,
    w.yyyymm,
    w.is_sale,
    FALSE AS is_price,
    TRUE AS is_flagged
FROM (
    SELECT
        n.transaction_id,
        n.product_sk,
        n.date_sk / 100 AS yyyymm,
        n.quantity > 0 AS is_sale
    FROM winners AS n
    WHERE n.rules IS NULL AND n.date_sk / 100 = any(%(new_months)s::integer[])
) AS w
INNER JOIN anomalies AS a ON w.transaction_id = a.transaction_id
INNER JOIN dim_products AS p ON w.product_sk = p.product_sk;
