-- Purpose: the views that analysts (Tableau) and customers read.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Days and months come from date_sk, so a client's time zone moves nothing.

CREATE VIEW v_top_buyers_by_region AS
WITH revenue_by_customer AS (
    SELECT
        c.region,
        b.customer_id,
        sum(f.total_amount) AS revenue
    FROM fact_transactions AS f
    INNER JOIN dim_customers AS b ON f.customer_sk = b.customer_sk
    INNER JOIN dim_countries AS c ON f.country_sk = c.country_sk
    WHERE f.customer_sk <> -1
    GROUP BY c.region, b.customer_id
),

ranked AS (
    SELECT
        r.region,
        row_number() OVER (
            PARTITION BY r.region ORDER BY r.revenue DESC, r.customer_id COLLATE "C" ASC
        ) AS rank,
        r.customer_id,
        r.revenue
    FROM revenue_by_customer AS r
)

SELECT
    k.region,
    k.rank,
    k.customer_id,
    k.revenue
FROM ranked AS k
WHERE k.rank <= 10;

COMMENT ON VIEW v_top_buyers_by_region IS 'One row a region and rank: the ten customers with the most revenue, net of returns; guests out';
COMMENT ON COLUMN v_top_buyers_by_region.region IS 'UN M49 region';
COMMENT ON COLUMN v_top_buyers_by_region.rank IS '1 to 10; equal revenue is ranked by customer_id';
COMMENT ON COLUMN v_top_buyers_by_region.customer_id IS 'The customer';
COMMENT ON COLUMN v_top_buyers_by_region.revenue IS 'Revenue net of returns';

CREATE VIEW v_sales_by_category AS
SELECT
    p.category,
    sum(f.total_amount) AS revenue,
    sum(f.quantity) AS units
FROM fact_transactions AS f
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
GROUP BY p.category;

COMMENT ON VIEW v_sales_by_category IS 'One row a product category';
COMMENT ON COLUMN v_sales_by_category.category IS 'Category of the product version that was in effect';
COMMENT ON COLUMN v_sales_by_category.revenue IS 'Revenue net of returns';
COMMENT ON COLUMN v_sales_by_category.units IS 'Units net of returns';

CREATE VIEW v_revenue_by_month AS
SELECT
    make_date(d.year, d.month, 1) AS month,
    sum(f.total_amount) AS revenue,
    count(*) AS lines,
    sum(f.quantity) AS units
FROM fact_transactions AS f
INNER JOIN dim_dates AS d ON f.date_sk = d.date_sk
GROUP BY d.year, d.month;

COMMENT ON VIEW v_revenue_by_month IS 'One row a month (UTC)';
COMMENT ON COLUMN v_revenue_by_month.month IS 'First day of the month';
COMMENT ON COLUMN v_revenue_by_month.revenue IS 'Revenue net of returns';
COMMENT ON COLUMN v_revenue_by_month.lines IS 'Invoice lines, returns included';
COMMENT ON COLUMN v_revenue_by_month.units IS 'Units net of returns';

-- Gaps and islands: versions in a row with one price are one period.
CREATE VIEW v_price_history AS
WITH marked AS (
    SELECT
        p.stock_code,
        p.effective_date,
        p.end_date,
        p.unit_price,
        coalesce(
            lag(p.unit_price) OVER w <> p.unit_price
            OR lag(p.end_date) OVER w <> p.effective_date,
            TRUE
        ) AS starts
    FROM dim_products AS p
    WINDOW w AS (PARTITION BY p.stock_code ORDER BY p.effective_date)
),

periods AS (
    SELECT
        m.stock_code,
        m.effective_date,
        m.end_date,
        m.unit_price,
        count(*) FILTER (WHERE m.starts) OVER (
            PARTITION BY m.stock_code ORDER BY m.effective_date
        ) AS period
    FROM marked AS m
)

SELECT
    s.stock_code,
    min(s.effective_date) AS valid_from,
    CASE WHEN count(s.end_date) = count(*) THEN max(s.end_date) END AS valid_to,
    min(s.unit_price) AS unit_price
FROM periods AS s
GROUP BY s.stock_code, s.period;

COMMENT ON VIEW v_price_history IS 'One row a product and period of one list price';
COMMENT ON COLUMN v_price_history.stock_code IS 'The product';
COMMENT ON COLUMN v_price_history.valid_from IS 'First day of the price';
COMMENT ON COLUMN v_price_history.valid_to IS 'First day on which it no longer holds; null while it does';
COMMENT ON COLUMN v_price_history.unit_price IS 'List price of one unit';

CREATE VIEW v_purchase_history AS
SELECT
    b.customer_id,
    f.transaction_id,
    f.invoice_date,
    p.stock_code,
    p.description,
    f.quantity,
    f.unit_price,
    f.total_amount
FROM fact_transactions AS f
INNER JOIN dim_customers AS b ON f.customer_sk = b.customer_sk
INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE f.customer_sk <> -1;

COMMENT ON VIEW v_purchase_history IS 'One row an invoice line of a known customer';
COMMENT ON COLUMN v_purchase_history.customer_id IS 'The customer';
COMMENT ON COLUMN v_purchase_history.transaction_id IS 'The invoice line';
COMMENT ON COLUMN v_purchase_history.invoice_date IS 'Time of the invoice (UTC)';
COMMENT ON COLUMN v_purchase_history.stock_code IS 'The product';
COMMENT ON COLUMN v_purchase_history.description IS 'Its name on that day';
COMMENT ON COLUMN v_purchase_history.quantity IS 'Units; negative for a return';
COMMENT ON COLUMN v_purchase_history.unit_price IS 'List price of one unit on that day';
COMMENT ON COLUMN v_purchase_history.total_amount IS 'quantity x unit_price';

CREATE VIEW v_transaction_status AS
SELECT
    f.transaction_id,
    'LOADED' AS state,
    NULL::text[] AS rules,
    r.ended_at AS loaded_at
FROM fact_transactions AS f
LEFT JOIN ops.runs AS r ON f.batch_id = r.run_id
UNION ALL
SELECT
    e.transaction_id,
    CASE e.status WHEN 'OPEN' THEN 'ERROR' ELSE e.status END AS state,
    e.rules,
    NULL AS loaded_at
FROM transactions_error AS e
WHERE e.status <> 'REPLAYED';

COMMENT ON VIEW v_transaction_status IS 'One row a transaction: loaded, or in error and why';
COMMENT ON COLUMN v_transaction_status.transaction_id IS '<invoice_no>-<line_no>; null for a line that has none';
COMMENT ON COLUMN v_transaction_status.state IS 'LOADED, ERROR or DISCARDED';
COMMENT ON COLUMN v_transaction_status.rules IS 'The rules it broke';
COMMENT ON COLUMN v_transaction_status.loaded_at IS 'When the load that last wrote it ended';

CREATE VIEW v_anomaly_coverage AS
WITH sales AS (
    SELECT
        make_date(d.year, d.month, 1) AS month,
        p.stock_code,
        count(*) AS sales_lines
    FROM fact_transactions AS f
    INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
    INNER JOIN dim_dates AS d ON f.date_sk = d.date_sk
    WHERE f.quantity > 0
    GROUP BY d.year, d.month, p.stock_code
),

flagged AS (
    SELECT
        date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date AS month,
        count(*) AS lines
    FROM anomalies AS a
    WHERE a.still_flagged
    GROUP BY date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date
),

covered AS (
    SELECT
        s.month,
        sum(s.sales_lines)::bigint AS sales_lines,
        coalesce(sum(s.sales_lines) FILTER (WHERE b.stock_code IS NOT NULL), 0)::bigint AS scored
    FROM sales AS s
    LEFT JOIN anomaly_baselines AS b
        ON
            s.stock_code = b.stock_code
            AND (s.month = b.month OR b.month IS NULL)
            AND b.is_sufficient
    GROUP BY s.month
)

SELECT
    c.month,
    c.sales_lines,
    c.scored,
    c.sales_lines - c.scored AS unscored,
    coalesce(g.lines, 0) AS flagged
FROM covered AS c
LEFT JOIN flagged AS g ON c.month = g.month;

COMMENT ON VIEW v_anomaly_coverage IS 'One row a month (UTC): how many sales lines could be scored';
COMMENT ON COLUMN v_anomaly_coverage.month IS 'First day of the month';
COMMENT ON COLUMN v_anomaly_coverage.sales_lines IS 'Invoice lines with a quantity above zero';
COMMENT ON COLUMN v_anomaly_coverage.scored IS 'Of these, held against a baseline';
COMMENT ON COLUMN v_anomaly_coverage.unscored IS 'Of these, not scored: too little history';
COMMENT ON COLUMN v_anomaly_coverage.flagged IS 'Of the scored, above the threshold now';
