-- Check:    versions of a product follow each other: no overlap, no gap unless withdrawn, the last one open
-- Severity: fail
-- Why:      a day with two versions or none would price a line twice or not at all

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(v.stock_code), '') AS observed,
    '0 versions' AS expected
FROM (
    SELECT
        p.stock_code,
        p.effective_date,
        p.end_date,
        p.is_current,
        p.withdrawn,
        lead(p.effective_date) OVER (PARTITION BY p.stock_code ORDER BY p.effective_date) AS following
    FROM dim_products AS p
) AS v
WHERE
    v.end_date <= v.effective_date
    OR v.end_date > v.following
    OR (NOT v.withdrawn AND v.end_date IS DISTINCT FROM v.following)
    OR (v.withdrawn AND v.end_date IS NULL)
    OR v.is_current <> (v.end_date IS NULL)
