-- Check:    gold has a transactions window that is not too old
-- Severity: warn
-- Why:      no newer one may have come; readiness says at 10:00 which are missing
-- Note:     CHECK_FRESH_HOURS, before now

SELECT
    coalesce(max(f.window_start) >= %(fresh_since)s, FALSE) AS passed,
    coalesce(to_char(max(f.window_start), 'YYYY-MM-DD HH24:MI'), 'no window') AS observed,
    to_char(%(fresh_since)s, 'YYYY-MM-DD HH24:MI') || ' or later' AS expected
FROM ops.loaded_files AS f
