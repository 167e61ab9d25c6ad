-- Purpose: whether the sums of what this load changed are those of the fact's lines: of 20 products
--          in their changed months, and of up to 10 customers among these lines. All lines that a
--          customer ever had are read: of one customer, and of others as long as they are few.
-- Run by:  jobs/gold/merge.py
-- Parameters: batch_id, few (how many lines customers may have together)
-- Reads:   sampled, sampled_lines

WITH lots AS (
    SELECT
        c.customer_sk,
        coalesce(sum(s.lines), 0) AS lines,
        md5(c.customer_sk || ' ' || %(batch_id)s) AS lot
    FROM (SELECT DISTINCT l.customer_sk FROM sampled_lines AS l) AS c
    LEFT JOIN ops.sales_by_buyer AS s ON c.customer_sk = s.customer_sk
    WHERE c.customer_sk <> -1
    GROUP BY c.customer_sk
),

buyers AS MATERIALIZED (
    SELECT r.customer_sk
    FROM (
        SELECT
            l.customer_sk,
            row_number() OVER w AS nth,
            sum(l.lines) OVER w AS lines_upto
        FROM lots AS l
        WINDOW w AS (ORDER BY l.lines > %(few)s, l.lot ROWS UNBOUNDED PRECEDING)
    ) AS r
    WHERE r.nth <= 10 AND (r.nth = 1 OR r.lines_upto <= %(few)s)
),

-- a place, its lines, units and revenue: once as counted, once as kept
counted AS (
    SELECT
        c.stock_code || ' ' || c.month AS place,
        count(l.quantity) AS lines,
        coalesce(sum(l.quantity), 0) AS units,
        coalesce(sum(l.total_amount), 0) AS revenue
    FROM sampled AS c
    LEFT JOIN sampled_lines AS l ON c.stock_code = l.stock_code AND c.month = l.month
    GROUP BY c.stock_code, c.month
    UNION ALL
    SELECT
        b.customer_sk::text AS place,
        count(*) AS lines,
        0 AS units,
        sum(f.total_amount) AS revenue
    FROM buyers AS b
    INNER JOIN fact_transactions AS f ON b.customer_sk = f.customer_sk AND f.customer_sk <> -1
    GROUP BY b.customer_sk
),

kept AS (
    SELECT
        s.stock_code || ' ' || s.month AS place,
        sum(s.lines) AS lines,
        sum(s.units) AS units,
        sum(s.revenue) AS revenue
    FROM sampled AS c
    INNER JOIN ops.sales_by_month AS s ON c.stock_code = s.stock_code AND c.month = s.month
    GROUP BY s.stock_code, s.month
    UNION ALL
    SELECT
        b.customer_sk::text AS place,
        sum(s.lines) AS lines,
        0 AS units,
        sum(s.revenue) AS revenue
    FROM buyers AS b
    INNER JOIN ops.sales_by_buyer AS s ON b.customer_sk = s.customer_sk
    GROUP BY b.customer_sk
)

SELECT count(*) AS wrong
FROM counted AS c
LEFT JOIN kept AS k ON c.place = k.place
WHERE
    (c.lines, c.units, c.revenue)
    <> (coalesce(k.lines, 0), coalesce(k.units, 0), coalesce(k.revenue, 0));
