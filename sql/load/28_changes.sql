-- Purpose: what changes in months that the fact has: told once, for all that follows. All lines of a
--          new month come; its sums tell of them (38).
-- Run by:  jobs/gold/merge.py
-- Parameters: known_months (yyyymm)
-- Makes:   changes (one row a product, month and kind of change)

-- What came, went or changed, by product and month. A line whose price alone did is in
-- no other baseline than before, but it may not have been scored yet under its old batch. One that
-- people may have judged can be the floor of lines that did not change.
CREATE TEMP TABLE changes ON COMMIT DROP AS
SELECT DISTINCT
    p.stock_code,
    c.yyyymm,
    c.is_sale,
    c.is_price,
    NOT c.is_price AND a.transaction_id IS NOT NULL AS is_flagged
FROM (
    SELECT
        w.transaction_id,
        w.product_sk,
        w.date_sk / 100 AS yyyymm,
        w.quantity > 0 AS is_sale,
        coalesce(NOT r.is_new AND r.stays, FALSE) AS is_price
    FROM winners AS w
    LEFT JOIN replaced AS r ON w.transaction_id = r.transaction_id
    WHERE
        w.rules IS NULL
        AND r.same IS NOT TRUE
        AND cardinality(%(known_months)s::integer[]) > 0
        AND w.date_sk / 100 = any(%(known_months)s::integer[])
    UNION ALL
    SELECT
        r.transaction_id,
        r.product_sk,
        to_char(r.invoice_date AT TIME ZONE 'UTC', 'YYYYMM')::integer AS yyyymm,
        r.quantity > 0 AS is_sale,
        FALSE AS is_price
    FROM replaced AS r
    WHERE NOT r.same AND (r.is_new OR NOT r.stays)
) AS c
LEFT JOIN dim_products AS p ON c.product_sk = p.product_sk
LEFT JOIN anomalies AS a ON c.transaction_id = a.transaction_id;

ANALYZE changes;
