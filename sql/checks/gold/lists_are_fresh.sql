-- Check:    gold has a price list and a country list that are not too old
-- Severity: warn
-- Why:      lines are priced by the last list there is
-- Note:     CHECK_FRESH_HOURS, before now

SELECT
    coalesce(min(l.latest) >= %(fresh_since)s::date, FALSE) AS passed,
    -- those that are old alone: the same words tomorrow are no news
    coalesce(
        string_agg(l.dataset || ' ' || l.latest, ', ' ORDER BY l.dataset)
        FILTER (WHERE l.latest < %(fresh_since)s::date),
        min(l.latest)::text
    ) AS observed,
    %(fresh_since)s::date || ' or later' AS expected
FROM (
    SELECT
        d.dataset,
        coalesce(max(s.snapshot_date), '-infinity') AS latest
    FROM (VALUES ('countries'), ('products')) AS d (dataset)
    LEFT JOIN ops.loaded_snapshots AS s ON d.dataset = s.dataset
    GROUP BY d.dataset
) AS l
