-- Check:    the sums by month, by day and by buyer are those of all lines
-- Severity: fail
-- Why:      the views read them; put right by SELECT ops.rebuild_sums() or a forced load

WITH counted AS (
    SELECT
        f.date_sk,
        f.customer_sk,
        count(*) AS lines,
        sum(f.total_amount) AS revenue,
        sum(f.total_amount) FILTER (WHERE f.quantity > 0) AS sales
    FROM fact_transactions AS f
    GROUP BY f.date_sk, f.customer_sk
),

wrong AS (
    SELECT coalesce(c.month, k.month)::text AS place
    FROM (
        SELECT
            to_date((d.date_sk / 100)::text, 'YYYYMM') AS month,
            sum(d.lines) AS lines,
            sum(d.revenue) AS revenue
        FROM counted AS d
        GROUP BY d.date_sk / 100
    ) AS c
    FULL JOIN (
        SELECT
            s.month,
            sum(s.lines) AS lines,
            sum(s.revenue) AS revenue
        FROM ops.sales_by_month AS s
        GROUP BY s.month
        HAVING sum(s.lines) <> 0 OR sum(s.revenue) <> 0
    ) AS k ON c.month = k.month
    WHERE (c.lines, c.revenue) IS DISTINCT FROM (k.lines, k.revenue)
    UNION ALL
    SELECT coalesce(c.day, k.day)::text AS place
    FROM (
        SELECT
            to_date(d.date_sk::text, 'YYYYMMDD') AS day,
            sum(d.lines) AS lines,
            coalesce(sum(d.sales), 0) AS sales,
            sum(d.revenue) AS revenue
        FROM counted AS d
        GROUP BY d.date_sk
    ) AS c
    FULL JOIN (
        SELECT
            s.day,
            s.lines,
            s.sales,
            s.sales - s.returned AS revenue
        FROM ops.sales_by_day AS s
        WHERE s.lines <> 0 OR s.sales <> 0 OR s.returned <> 0
    ) AS k ON c.day = k.day
    WHERE (c.lines, c.sales, c.revenue) IS DISTINCT FROM (k.lines, k.sales, k.revenue)
    UNION ALL
    SELECT 'customer ' || coalesce(c.customer_sk, k.customer_sk) AS place
    FROM (
        SELECT
            d.customer_sk,
            sum(d.lines) AS lines,
            sum(d.revenue) AS revenue
        FROM counted AS d
        WHERE d.customer_sk <> -1
        GROUP BY d.customer_sk
    ) AS c
    FULL JOIN (
        SELECT
            s.customer_sk,
            sum(s.lines) AS lines,
            sum(s.revenue) AS revenue
        FROM ops.sales_by_buyer AS s
        GROUP BY s.customer_sk
        HAVING sum(s.lines) <> 0 OR sum(s.revenue) <> 0
    ) AS k ON c.customer_sk = k.customer_sk
    WHERE (c.lines, c.revenue) IS DISTINCT FROM (k.lines, k.revenue)
)

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(w.place), '') AS observed,
    '0 months, days and buyers' AS expected
FROM wrong AS w
