-- Of several rows with one transaction_id the last of the latest file counts; lines are priced as
-- of their day; the stream is split by the rules that a line broke.
CREATE TABLE losers AS
WITH doubled AS (
    SELECT transaction_id FROM lines
    WHERE transaction_id IS NOT NULL
    GROUP BY transaction_id
    HAVING count(*) > 1
)

SELECT l.n
FROM lines AS l
INNER JOIN doubled USING (transaction_id)
QUALIFY row_number() OVER (PARTITION BY l.transaction_id ORDER BY l.window_start DESC, l.n DESC) > 1;

CREATE TABLE customers AS
SELECT customer_id, ('0x' || sha256(customer_id)[:15])::BIGINT AS customer_sk
FROM (SELECT DISTINCT customer_id FROM lines WHERE customer_id IS NOT NULL);

CREATE TABLE priced AS
SELECT
    w.* EXCLUDE (country, window_start),
    p.product_sk,
    coalesce(b.customer_sk, -1) AS customer_sk,
    c.country_sk,
    p.unit_price,
    try_cast(w.quantity * p.unit_price AS DECIMAL(18, 4)) AS total_amount,
    w.is_usable AND total_amount IS NOT NULL AND c.country_sk IS NOT NULL AS is_good
FROM lines AS w
ANTI JOIN losers USING (n)
ASOF LEFT JOIN dim_products AS p ON w.stock_code = p.stock_code AND w.day >= p.effective_date
LEFT JOIN customers AS b ON w.customer_id = b.customer_id
LEFT JOIN dim_countries AS c ON w.country = c.country;

CREATE TABLE errors AS
SELECT
    p.transaction_id,
    to_json({
        'invoice_no': trim(r.invoice_no), 'line_no': trim(r.line_no),
        'stock_code': upper(trim(r.stock_code)), 'quantity': trim(r.quantity),
        'invoice_date': trim(r.invoice_date), 'customer_id': nullif(trim(r.customer_id), ''),
        'country': nullif(trim(r.country), '')
    }) AS raw,
    '{' || concat_ws(
        ',',
        CASE WHEN NOT p.is_usable OR (p.product_sk IS NOT NULL AND p.total_amount IS NULL) THEN 'malformed_row' END,
        CASE WHEN p.is_usable AND p.product_sk IS NULL THEN 'no_price_in_effect' END,
        CASE WHEN p.is_usable AND p.country_sk IS NULL THEN 'unknown_country' END
    ) || '}' AS rules,
    r.filename,
    p.source_file,
    p.source_line
FROM priced AS p
INNER JOIN raw AS r ON p.n = r.rowid
WHERE NOT p.is_good;

CREATE TABLE months AS
SELECT DISTINCT date_trunc('month', day)::DATE AS month FROM priced
WHERE is_good
ORDER BY month;

CREATE TABLE dim_customers AS
SELECT r.customer_sk, r.customer_id, min(r.invoice_date) AS first_purchase, max(r.invoice_date) AS last_purchase
FROM priced AS r
WHERE r.is_good AND r.customer_id IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT -1, NULL, NULL, NULL;

CREATE TABLE dim_dates AS
WITH days AS (
    SELECT unnest(range(month::TIMESTAMP, month + INTERVAL 1 MONTH, INTERVAL 1 DAY))::DATE AS date
    FROM months
)

SELECT
    strftime(date, '%Y%m%d')::INTEGER AS date_sk,
    date,
    year(date) AS year,
    quarter(date) AS quarter,
    month(date) AS month,
    monthname(date) AS month_name,
    day(date) AS day,
    dayname(date) AS weekday,
    isodow(date) > 5 AS is_weekend
FROM days;
