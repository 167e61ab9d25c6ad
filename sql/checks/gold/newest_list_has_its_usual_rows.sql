-- Check:    the newest price list has at most a fifth more or fewer rows than the one before it
-- Severity: warn
-- Why:      PRODUCTS_MAX_SHRINK refuses the worst; a slow loss shows here

WITH lists AS (
    SELECT
        s.snapshot_date,
        s.row_count,
        row_number() OVER (ORDER BY s.snapshot_date DESC, s.loaded_at DESC) AS nth
    FROM ops.loaded_snapshots AS s
    WHERE s.dataset = 'products'
)

SELECT
    coalesce(n.row_count BETWEEN b.row_count * 0.8 AND b.row_count * 1.2, TRUE) AS passed,
    coalesce(n.snapshot_date || ': ' || n.row_count, 'no list') AS observed,
    coalesce(b.row_count * 0.8 || ' to ' || b.row_count * 1.2, 'any') AS expected
FROM (VALUES (1)) AS one (row_no)
LEFT JOIN lists AS n ON one.row_no = n.nth
LEFT JOIN lists AS b ON one.row_no + 1 = b.nth
