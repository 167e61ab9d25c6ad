-- Baselines of the 12 months before, for every product and month with a sales line, and the lines
-- above median + 2 deviations. Lines are counted by quantity first: a year of lines is a few cells.
CREATE TABLE cells AS
SELECT stock_code, date_trunc('month', day)::DATE AS month, quantity, count(*) AS lines
FROM priced
WHERE is_good AND quantity > 0
GROUP BY ALL;

CREATE TABLE anomaly_baselines AS
WITH selling AS (
    SELECT DISTINCT stock_code, month FROM cells
),

counted AS (
    SELECT s.stock_code, s.month, c.quantity, sum(c.lines) AS lines
    FROM cells AS c
    CROSS JOIN range(1, 13) AS n(ahead)
    INNER JOIN selling AS s
        ON s.stock_code = c.stock_code AND s.month = (c.month + to_months(n.ahead::INTEGER))::DATE
    GROUP BY ALL
),

running AS (
    SELECT
        stock_code, month, quantity, lines,
        sum(lines) OVER (PARTITION BY stock_code, month ORDER BY quantity) AS upto,
        sum(lines) OVER (PARTITION BY stock_code, month) AS total
    FROM counted
),

figures AS (
    SELECT
        stock_code, month, any_value(total) AS total,
        min(quantity) FILTER (upto >= (total + 1) // 2) AS low_middle,
        min(quantity) FILTER (upto >= total // 2 + 1) AS high_middle,
        sum(lines * quantity) AS units,
        sum(lines * quantity * quantity) AS squares
    FROM running
    GROUP BY stock_code, month
)

SELECT
    s.stock_code,
    s.month,
    coalesce(f.total, 0)::INTEGER AS line_count,
    coalesce((f.low_middle + f.high_middle) / 2.0::DOUBLE, 0) AS median_qty,
    CASE
        WHEN f.total > 1 AND f.squares * f.total > f.units * f.units
            THEN sqrt((f.squares * f.total - f.units * f.units)::DOUBLE / (f.total * (f.total - 1)))
        ELSE 1
    END AS std_deviation,
    coalesce(f.total, 0) >= 10 AS is_sufficient
FROM selling AS s
LEFT JOIN figures AS f USING (stock_code, month);

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
