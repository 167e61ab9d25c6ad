-- Check:    a line has the price of its product version, which is in effect on its day
-- Severity: fail
-- Why:      the as-of price is what the fact is for

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(f.transaction_id), '') AS observed,
    '0 lines' AS expected
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE
    f.unit_price <> p.unit_price
    OR f.date_sk < to_char(p.effective_date, 'YYYYMMDD')::integer
    OR f.date_sk >= to_char(p.end_date, 'YYYYMMDD')::integer
