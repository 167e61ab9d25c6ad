-- Check:    the days of dim_dates say of themselves what the calendar says
-- Severity: fail
-- Why:      reports group by these columns

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(d.date), '') AS observed,
    '0 days' AS expected
FROM dim_dates AS d
WHERE
    (d.date_sk, d.year, d.quarter, d.month, d.day, d.is_weekend)
    <> (
        to_char(d.date, 'YYYYMMDD')::integer,
        extract(YEAR FROM d.date),
        extract(QUARTER FROM d.date),
        extract(MONTH FROM d.date),
        extract(DAY FROM d.date),
        extract(ISODOW FROM d.date) > 5
    )
    OR d.month_name <> trim(to_char(d.date, 'Month'))
    OR d.weekday <> trim(to_char(d.date, 'Day'))
