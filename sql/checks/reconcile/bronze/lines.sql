-- Check:    the fact's lines are those that bronze says
-- Severity: fail
-- Why:      count, units and amount could agree by chance, the hash over every line cannot
-- Reads:    taken_… (bronze as gold has taken it), counted_transactions (of it, what the archive of old months
--           has not settled), discarded (lines that a person put aside)

WITH named AS (
    SELECT
        t.*,
        concat(t.invoice_no, '-', t.line_no) AS transaction_id,
        to_date(t.invoice_date) AS day
    FROM counted_transactions AS t
),

-- the winner rule: the greatest (window, hash, line) of an id counts
ranked AS (
    SELECT
        n.*,
        row_number() OVER (
            PARTITION BY n.transaction_id
            ORDER BY n.window_start DESC, n.file_sha256 DESC, n.source_line DESC
        ) AS nth
    FROM named AS n
    WHERE n.transaction_id IS NOT NULL
),

wanted AS (
    SELECT DISTINCT
        r.stock_code,
        r.day
    FROM ranked AS r
    WHERE r.nth = 1 AND r.problem IS NULL
),

prices AS (
    SELECT
        w.stock_code,
        w.day,
        p.effective_date,
        p.unit_price
    FROM wanted AS w
    INNER JOIN taken_products AS p
        ON
            w.stock_code = p.stock_code
            AND w.day >= p.effective_date
            AND (p.end_date IS NULL OR w.day < p.end_date)
),

lines AS (
    SELECT
        r.transaction_id,
        r.stock_code,
        r.customer_id,
        c.meant AS country,
        r.invoice_date,
        r.quantity,
        p.effective_date,
        p.unit_price,
        r.quantity * p.unit_price AS amount
    FROM ranked AS r
    INNER JOIN prices AS p ON r.stock_code = p.stock_code AND r.day = p.day
    INNER JOIN taken_names AS c ON r.country = c.country
    LEFT ANTI JOIN discarded AS x ON r.file_sha256 = x.file_sha256 AND r.source_line = x.source_line
    WHERE r.nth = 1 AND r.problem IS NULL AND NOT r.is_closed AND abs(r.quantity * p.unit_price) < 100000000000000
)

SELECT
    count(*) AS lines,
    coalesce(sum(l.quantity), 0) AS units,
    coalesce(sum(l.amount), 0) AS amount,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        l.transaction_id,
        l.stock_code,
        l.effective_date,
        coalesce(l.customer_id, ''),
        l.country,
        unix_timestamp(l.invoice_date),
        l.quantity,
        l.unit_price
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM lines AS l
