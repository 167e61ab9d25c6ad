-- Check:    versions of a product follow each other: no overlap, no gap unless withdrawn, the last one open
-- Severity: fail
-- Why:      gold's versions are these

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(v.stock_code)), '')) AS observed,
    '0 versions' AS expected
FROM (
    SELECT
        p.stock_code,
        p.effective_date,
        p.end_date,
        p.is_current,
        p.withdrawn,
        lead(p.effective_date) OVER (PARTITION BY p.stock_code ORDER BY p.effective_date ASC) AS following
    FROM ecommerce_db.products AS p
) AS v
WHERE
    v.end_date <= v.effective_date
    OR v.effective_date = v.following
    OR v.end_date > v.following
    OR (NOT v.withdrawn AND NOT (v.end_date <=> v.following))
    OR (v.withdrawn AND v.end_date IS NULL)
    OR v.is_current <> (v.end_date IS NULL)
