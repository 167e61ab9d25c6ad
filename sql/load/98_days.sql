-- Purpose: the days whose sums this load changed, each with what a day usually sells: the median of
--          the trading days before it, as they are after the load. The farthest from it first.
-- Run by:  jobs/gold/breaker.py, at the end of the load's one transaction
-- Reads:   days_before (ops.sales_by_day as it was when the load began)
-- Parameters: days_wanted (how many trading days the median is of), days_needed (of how many at least)

SELECT
    c.day,
    v.side,
    v.amount,
    v.amount_before,
    u.median,
    u.days
FROM (
    SELECT
        a.day,
        a.sales,
        a.returned,
        coalesce(b.sales, 0) AS sales_before,
        coalesce(b.returned, 0) AS returned_before
    FROM ops.sales_by_day AS a
    LEFT JOIN days_before AS b ON a.day = b.day
    WHERE (a.sales, a.returned) IS DISTINCT FROM (b.sales, b.returned)
) AS c
CROSS JOIN
    LATERAL (
        SELECT
            percentile_cont(0.5) WITHIN GROUP (ORDER BY t.sales)::numeric(24, 4) AS median,
            count(*) AS days
        FROM (
            SELECT s.sales
            FROM ops.sales_by_day AS s
            WHERE s.day < c.day AND s.sales > 0
            ORDER BY s.day DESC
            LIMIT %(days_wanted)s
        ) AS t
    ) AS u
CROSS JOIN
    LATERAL (
        VALUES
        ('sales', c.sales, c.sales_before),
        ('returns', c.returned, c.returned_before)
    ) AS v (side, amount, amount_before)
WHERE u.days >= %(days_needed)s AND v.amount > 0
ORDER BY v.amount / u.median DESC, c.day ASC, v.side ASC;
