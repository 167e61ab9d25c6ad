-- Check:    the last whole day has a fifth to five times as many lines as the median of the 28 trading days before it
-- Severity: warn
-- Why:      the breaker asks for too much; too little shows only when the day is over

WITH days AS (
    SELECT
        s.day,
        s.lines,
        row_number() OVER (ORDER BY s.day DESC) AS nth
    FROM ops.sales_by_day AS s
    WHERE s.lines > 0 AND s.day < %(now)s::date
),

usual AS (
    SELECT
        percentile_cont(0.5) WITHIN GROUP (ORDER BY d.lines) AS median,
        count(*) AS days
    FROM days AS d
    WHERE d.nth BETWEEN 2 AND 29
)

SELECT
    coalesce(u.days < 7 OR l.lines BETWEEN u.median / 5 AND u.median * 5, TRUE) AS passed,
    coalesce(l.day || ': ' || l.lines, 'no day') AS observed,
    CASE WHEN u.days < 7 THEN 'any, before 7 days are known' ELSE u.median / 5 || ' to ' || u.median * 5 END AS expected
FROM usual AS u
LEFT JOIN days AS l ON l.nth = 1
