-- Check:    the lake has the months that left gold, as gold had them
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    coalesce(sum(a.lines), 0) AS lines,
    coalesce(sum(a.units), 0) AS units,
    coalesce(sum(a.revenue), 0) AS revenue
FROM ops.archived_months AS a
