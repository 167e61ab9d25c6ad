-- Check:    bronze has a transactions window that is not too old
-- Severity: warn
-- Why:      fresh here and not in gold: the load is what is late
-- Note:     CHECK_FRESH_HOURS, before now

SELECT
    coalesce(max(t.window_start) >= :fresh_since, FALSE) AS passed,
    coalesce(date_format(max(t.window_start), 'yyyy-MM-dd HH:mm'), 'no window') AS observed,
    concat(date_format(:fresh_since, 'yyyy-MM-dd HH:mm'), ' or later') AS expected
FROM ecommerce_db.transactions_raw AS t
