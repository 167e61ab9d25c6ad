-- Baselines of the 12 months before, for every product and month with a sales line, and the lines
-- above median + 2 deviations. Products and months as numbers sort faster.
CREATE TABLE codes AS
SELECT stock_code, (row_number() OVER ())::INTEGER AS code
FROM (SELECT DISTINCT stock_code FROM dim_products);

CREATE TABLE sales AS
SELECT
    c.code, (year(p.day) * 12 + month(p.day) - 1)::INTEGER AS nth_month, p.quantity
FROM priced AS p
INNER JOIN codes AS c USING (stock_code)
WHERE p.is_good AND p.quantity > 0;

CREATE TABLE anomaly_baselines AS
WITH by_line AS (
    SELECT
        code,
        nth_month,
        count(*) OVER before AS total,
        median(quantity) OVER before AS middle,
        sum(quantity) OVER before AS units,
        sum(quantity::BIGINT * quantity) OVER before AS squares
    FROM sales
    WINDOW before AS (
        PARTITION BY code ORDER BY nth_month RANGE BETWEEN 12 PRECEDING AND 1 PRECEDING
    )
),

figures AS (
    SELECT
        code, nth_month, any_value(total) AS total, any_value(middle) AS middle,
        any_value(units) AS units, any_value(squares) AS squares
    FROM by_line
    GROUP BY ALL
)

SELECT
    c.stock_code,
    make_date(f.nth_month // 12, f.nth_month % 12 + 1, 1) AS month,
    f.total::INTEGER AS line_count,
    coalesce(f.middle, 0) AS median_qty,
    CASE
        WHEN f.total > 1 AND f.squares * f.total > f.units * f.units
            THEN sqrt((f.squares * f.total - f.units * f.units)::DOUBLE / (f.total * (f.total - 1)))
        ELSE 1
    END AS std_deviation,
    f.total >= 10 AS is_sufficient
FROM figures AS f
INNER JOIN codes AS c USING (code);

CREATE TABLE anomalies AS
SELECT
    r.transaction_id,
    r.invoice_no AS order_id,
    r.stock_code,
    r.quantity,
    b.median_qty,
    b.std_deviation,
    (r.quantity - b.median_qty) / b.std_deviation AS z_score,
    b.median_qty + 2 * b.std_deviation AS threshold,
    b.month AS baseline_month,
    r.invoice_date
FROM priced AS r
INNER JOIN anomaly_baselines AS b
    ON r.stock_code = b.stock_code AND date_trunc('month', r.day)::DATE = b.month AND b.is_sufficient
WHERE r.is_good AND r.quantity > b.median_qty + 2 * b.std_deviation;
