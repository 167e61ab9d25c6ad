-- Purpose: customers and days that the winners need, before the lines that point to them.
-- Run by:  jobs/gold/merge.py

-- No ON CONFLICT: two customers with one key are a collision, and must fail.
INSERT INTO dim_customers (customer_sk, customer_id)
SELECT
    b.customer_sk,
    b.customer_id
FROM buyers AS b
WHERE
    NOT EXISTS (
        SELECT 1 FROM dim_customers AS d
        WHERE d.customer_id = b.customer_id
    );

-- Whole months, so that the days do not depend on which lines came first.
INSERT INTO dim_dates AS o (date_sk, date, year, quarter, month, month_name, day, weekday, is_weekend)
WITH days AS (
    SELECT g.day::date AS date
    FROM months AS m
    CROSS JOIN LATERAL generate_series(
        to_date(m.yyyymm::text, 'YYYYMM')::timestamp,
        to_date(m.yyyymm::text, 'YYYYMM') + interval '1 month' - interval '1 day',
        interval '1 day'
    ) AS g (day)
)

SELECT
    to_char(d.date, 'YYYYMMDD')::integer AS date_sk,
    d.date,
    extract(YEAR FROM d.date) AS year,
    extract(QUARTER FROM d.date) AS quarter,
    extract(MONTH FROM d.date) AS month,
    trim(to_char(d.date, 'Month')) AS month_name,
    extract(DAY FROM d.date) AS day,
    trim(to_char(d.date, 'Day')) AS weekday,
    extract(ISODOW FROM d.date) > 5 AS is_weekend
FROM days AS d
ON CONFLICT (date_sk) DO UPDATE SET
    date = excluded.date,
    year = excluded.year,
    quarter = excluded.quarter,
    month = excluded.month,
    month_name = excluded.month_name,
    day = excluded.day,
    weekday = excluded.weekday,
    is_weekend = excluded.is_weekend
WHERE (o.date, o.year, o.quarter, o.month, o.month_name, o.day, o.weekday, o.is_weekend)
IS DISTINCT FROM (
    excluded.date, excluded.year, excluded.quarter, excluded.month,
    excluded.month_name, excluded.day, excluded.weekday, excluded.is_weekend
);
