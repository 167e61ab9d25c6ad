-- Check:    the lake has the months that left gold, as gold had them
-- Severity: fail
-- Why:      these lines are nowhere else in the star
-- Reads:    archived_lines (of ecommerce_dw, those of the archived months)

SELECT
    count(*) AS lines,
    coalesce(sum(f.quantity), 0) AS units,
    coalesce(sum(f.total_amount), 0) AS revenue
FROM archived_lines AS f
