-- Check:    of the lines of the last 7 days' files at most 1 in 50 cannot be used
-- Severity: warn
-- Why:      the breaker asks for one load; a source that gets slowly worse shows here

SELECT
    coalesce(sum(if(t.problem IS NULL, 0, 1)) * 50 <= count(*), TRUE) AS passed,
    concat(coalesce(sum(if(t.problem IS NULL, 0, 1)), 0), ' of ', count(*)) AS observed,
    concat('at most ', floor(count(*) / 50)) AS expected
FROM ecommerce_db.transactions_raw AS t
WHERE
    t.window_start > (
        SELECT max(n.window_start) - INTERVAL 7 DAYS
        FROM ecommerce_db.transactions_raw AS n
    )
