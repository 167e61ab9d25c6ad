-- Check:    the open errors are the lines of bronze that break a rule, each with all its rules
-- Severity: fail
-- Why:      a line that is neither loaded nor in error is lost
-- Reads:    taken_… (bronze as gold has taken it), counted_transactions (of it, what the archive of old months
--           has not settled), discarded (lines that a person put aside)

WITH named AS (
    SELECT
        t.*,
        concat(t.invoice_no, '-', t.line_no) AS transaction_id,
        to_date(t.invoice_date) AS day
    FROM counted_transactions AS t
),

ranked AS (
    SELECT
        n.*,
        row_number() OVER (
            PARTITION BY coalesce(n.transaction_id, concat(n.file_sha256, '|', n.source_line))
            ORDER BY n.window_start DESC, n.file_sha256 DESC, n.source_line DESC
        ) AS nth
    FROM named AS n
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
        p.unit_price
    FROM wanted AS w
    INNER JOIN taken_products AS p
        ON
            w.stock_code = p.stock_code
            AND w.day >= p.effective_date
            AND (p.end_date IS NULL OR w.day < p.end_date)
),

ruled AS (
    SELECT
        coalesce(r.transaction_id, concat(r.file_sha256, '|', r.source_line)) AS identity,
        r.source_file,
        r.source_line,
        concat_ws(
            ',',
            if(
                r.is_closed
                AND r.problem IS NULL
                AND abs(r.quantity * p.unit_price) < 100000000000000
                AND c.country IS NOT NULL,
                'archived_month', NULL
            ),
            if(
                r.problem IS NOT NULL OR abs(r.quantity * p.unit_price) >= 100000000000000,
                'malformed_row', NULL
            ),
            if(r.problem IS NULL AND p.unit_price IS NULL, 'no_price_in_effect', NULL),
            if(r.problem IS NULL AND c.country IS NULL, 'unknown_country', NULL)
        ) AS rules
    FROM ranked AS r
    LEFT JOIN prices AS p ON r.stock_code = p.stock_code AND r.day = p.day
    LEFT JOIN taken_names AS c ON r.country = c.country
    LEFT ANTI JOIN discarded AS x ON r.file_sha256 = x.file_sha256 AND r.source_line = x.source_line
    WHERE r.nth = 1
)

SELECT
    count(*) AS errors,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        sha2(e.identity, 256),
        e.rules,
        e.source_file,
        e.source_line
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM ruled AS e
WHERE e.rules <> ''
