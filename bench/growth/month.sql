-- Purpose: a month of the bench's shop, as loads have left it in gold: lines, errors, anomalies.
-- Run by:  bench/growth/history.py, as gold's owner, between making the month and attaching it
-- Parameters: month (number since January 2000), start, past_start (of the next month), seconds,
--          yyyymm, upto (lines), loads (run of the month's first load), detects (run of the
--          anomaly job after it)

CREATE TEMP TABLE priced ON COMMIT DROP AS
SELECT
    substr(d.stock_code, 2)::integer AS product,
    d.product_sk,
    d.stock_code,
    d.unit_price,
    daterange(d.effective_date, d.end_date) AS days
FROM dim_products AS d
WHERE
    d.effective_date < %(past_start)s::date
    AND (d.end_date IS NULL OR d.end_date > %(start)s::date);

CREATE TEMP TABLE products ON COMMIT DROP AS
SELECT DISTINCT
    p.product,
    p.stock_code
FROM priced AS p;

CREATE TEMP TABLE windows ON COMMIT DROP AS
SELECT
    w.nth,
    encode(w.sha, 'hex') AS file_sha256,
    ('x' || left(encode(w.sha, 'hex'), 15))::bit(60)::bigint AS file_key,
    w.source_file,
    w.starts,
    %(loads)s + 4 * w.nth AS batch_id
FROM (
    SELECT
        g.nth,
        g.starts,
        g.source_file,
        sha256(convert_to(g.source_file, 'UTF8')) AS sha
    FROM (
        SELECT
            n.nth,
            %(start)s::timestamptz + n.nth * interval '4 hours' AS starts,
            to_char(
                %(start)s::timestamptz + n.nth * interval '4 hours',
                '"transactions_"YYYYMMDD"T"HH24MI".csv"'
            ) AS source_file
        FROM generate_series(0, %(seconds)s / {window} - 1) AS n (nth)
    ) AS g
) AS w;

CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT
    t.n,
    t.invoice,
    t.product,
    (1 + (t.nth * 5 + t.product) %% 12)
    * CASE WHEN (t.nth + t.product) %% 50 = 3 THEN 20 ELSE 1 END
    * CASE WHEN t.invoice %% 50 = 0 THEN -1 ELSE 1 END AS quantity,
    CASE WHEN t.invoice %% 50 = 0 THEN 'C' ELSE '' END
    || 10000000 + %(month)s * {invoices} + t.invoice AS invoice_no,
    t.second,
    %(start)s::date + t.second / 86400 AS day,
    CASE
        WHEN t.invoice %% 5 = 0 THEN -1
        ELSE %(month)s * {newcomers} + t.invoice * 37 %% {customers}
    END AS customer
FROM (
    SELECT
        n.n,
        n.n / {invoice} AS invoice,
        (n.n::bigint * 1471 %% {products})::integer AS product,
        n.n / {products} AS nth,
        ((n.n / {invoice} * {invoice})::bigint * %(seconds)s / {lines})::integer AS second
    FROM generate_series(0, %(upto)s - 1) AS n (n)
) AS t;

ANALYZE priced;
ANALYZE products;
ANALYZE windows;

INSERT INTO {partition}
SELECT
    t.invoice_no || '-' || t.n %% {invoice} + 1 AS transaction_id,
    p.product_sk,
    c.customer_sk,
    b.country_sk,
    %(yyyymm)s * 100 + t.second / 86400 + 1 AS date_sk,
    t.invoice_no,
    %(start)s::timestamptz + t.second * interval '1 second' AS invoice_date,
    t.quantity,
    p.unit_price,
    t.quantity * p.unit_price AS total_amount,
    t.quantity < 0 AS is_return,
    w.batch_id,
    w.file_key,
    t.n + 2 AS source_line
FROM told AS t
INNER JOIN priced AS p ON t.product = p.product AND t.day <@ p.days
INNER JOIN bench.customers AS c ON t.customer = c.customer
INNER JOIN windows AS w ON t.second / {window} = w.nth
INNER JOIN bench.countries AS b ON t.invoice %% (SELECT count(*) FROM bench.countries) = b.nth
WHERE t.n %% 500 <> 7;

INSERT INTO dim_customers (customer_sk, customer_id, first_purchase, last_purchase)
SELECT
    c.customer_sk,
    c.customer_id,
    min(f.invoice_date) AS first_purchase,
    max(f.invoice_date) AS last_purchase
FROM {partition} AS f
INNER JOIN bench.customers AS c ON f.customer_sk = c.customer_sk
WHERE c.customer_sk <> -1
GROUP BY c.customer_sk, c.customer_id
ON CONFLICT (customer_sk) DO UPDATE SET last_purchase = excluded.last_purchase;

INSERT INTO transactions_error (
    error_id, transaction_id, raw, rules, source_file, source_line, file_key, batch_id,
    first_seen, last_seen
)
SELECT
    encode(sha256(convert_to(t.invoice_no || '-' || t.n %% {invoice} + 1, 'UTF8')), 'hex'),
    t.invoice_no || '-' || t.n %% {invoice} + 1,
    jsonb_build_object(
        'invoice_no', t.invoice_no, 'line_no', (t.n %% {invoice} + 1)::text, 'stock_code', p.stock_code,
        'quantity', t.quantity::text, 'country', 'Narnia'
    ),
    '{{unknown_country}}',
    w.source_file,
    t.n + 2,
    w.file_key,
    w.batch_id,
    w.starts,
    w.starts
FROM told AS t
INNER JOIN products AS p ON t.product = p.product
INNER JOIN windows AS w ON t.second / {window} = w.nth
WHERE t.n %% 500 = 7;

INSERT INTO ops.loaded_files (
    file_sha256, file_key, source_file, window_start, line_count, batch_id, loaded_at
)
SELECT
    w.file_sha256,
    w.file_key,
    w.source_file,
    w.starts,
    c.lines,
    w.batch_id,
    w.starts
FROM windows AS w
INNER JOIN (
    SELECT
        t.second / {window} AS nth,
        count(*) AS lines
    FROM told AS t
    GROUP BY t.second / {window}
) AS c ON w.nth = c.nth;

INSERT INTO ops.fact_months (month, batch_id)
SELECT
    %(start)s::date,
    max(f.batch_id)
FROM {partition} AS f;

-- Every product has the same quantities in a month, so one product's figures are all products'.
INSERT INTO anomaly_baselines (
    stock_code, month, line_count, median_qty, std_deviation, is_sufficient, batch_id
)
SELECT
    p.stock_code,
    %(start)s::date,
    u.lines,
    u.median_qty,
    u.deviation,
    TRUE,
    %(detects)s
FROM products AS p
CROSS JOIN (
    SELECT
        count(*) / {products} AS lines,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY t.quantity) AS median_qty,
        stddev_samp(t.quantity) AS deviation
    FROM told AS t
    WHERE t.quantity > 0
) AS u;

-- Every 13th month a person forgives the smallest odd line of a quarter of the products: lines of
-- that quantity are no longer flagged in the 12 months after it.
INSERT INTO anomalies (
    transaction_id, order_id, stock_code, quantity, median_qty, std_deviation, z_score, threshold,
    baseline_month, invoice_date, alert_timestamp, created_at, status, batch_id
)
SELECT
    o.transaction_id,
    o.invoice_no,
    o.stock_code,
    o.quantity,
    o.median_qty,
    o.std_deviation,
    (o.quantity - o.median_qty) / o.std_deviation,
    o.median_qty + 2 * o.std_deviation,
    o.month,
    o.invoice_date,
    o.invoice_date,
    o.invoice_date,
    CASE WHEN o.forgivable THEN 'FALSE_POSITIVE' WHEN o.source_line %% 100 = 2 THEN 'RESOLVED' ELSE 'NEW' END,
    o.batch_id + 1
FROM (
    SELECT
        f.*,
        b.stock_code,
        b.month,
        b.median_qty,
        b.std_deviation,
        p.product %% 4 = 0
        AND f.quantity = min(f.quantity) OVER (PARTITION BY b.stock_code) AS forgivable
    FROM {partition} AS f
    INNER JOIN priced AS p ON f.product_sk = p.product_sk
    INNER JOIN anomaly_baselines AS b ON p.stock_code = b.stock_code AND b.month = %(start)s::date
    WHERE b.is_sufficient AND f.quantity > b.median_qty + 2 * b.std_deviation
) AS o
WHERE NOT o.forgivable OR %(month)s %% 13 = 11;
