-- Invoice lines: trimmed and typed; a field that cannot be read is null.
CREATE TABLE raw AS
SELECT * FROM read_csv(
    getvariable('landing') || '/transactions/*.csv', filename = true,
    auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    columns = {
        'invoice_no': 'VARCHAR', 'line_no': 'VARCHAR', 'stock_code': 'VARCHAR',
        'quantity': 'VARCHAR', 'invoice_date': 'VARCHAR', 'customer_id': 'VARCHAR',
        'country': 'VARCHAR'
    }
);

CREATE TABLE files AS
SELECT
    filename,
    parse_filename(filename) AS source_file,
    strptime(parse_filename(filename), 'transactions_%Y%m%dT%H%M.csv') AS window_start,
    min(rowid) AS first_row
FROM raw
GROUP BY filename;

CREATE TABLE lines AS
WITH trimmed AS (
    SELECT
        rowid AS n,
        filename,
        trim(invoice_no) AS invoice_no,
        CASE WHEN regexp_full_match(trim(line_no), '\+?\d{1,10}') THEN try_cast(trim(line_no) AS INTEGER) END AS line_no,
        upper(trim(stock_code)) AS stock_code,
        CASE WHEN regexp_full_match(trim(quantity), '[+-]?\d{1,10}') THEN try_cast(trim(quantity) AS INTEGER) END AS quantity,
        CASE WHEN length(trim(invoice_date)) = 19 THEN try_strptime(trim(invoice_date), '%Y-%m-%d %H:%M:%S') END AS invoice_date,
        nullif(trim(customer_id), '') AS customer_id,
        trim(country) AS country
    FROM raw
)
SELECT
    t.n,
    t.invoice_no || '-' || t.line_no AS transaction_id,
    t.invoice_no,
    t.stock_code,
    t.quantity,
    t.invoice_date,
    t.invoice_date::DATE AS day,
    t.customer_id,
    t.country,
    f.window_start,
    f.source_file,
    t.n - f.first_row + 2 AS source_line,
    coalesce(
        t.invoice_no <> '' AND t.line_no > 0 AND t.stock_code <> '' AND t.quantity <> 0
        AND t.invoice_date >= '2000-01-01' AND t.invoice_date <= f.window_start + INTERVAL 28 HOURS,
        false
    ) AS is_usable
FROM trimmed AS t
INNER JOIN files AS f USING (filename);
