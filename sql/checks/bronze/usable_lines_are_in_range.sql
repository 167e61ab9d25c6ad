-- Check:    a usable line's quantity is not zero, its time from 2000 on and at most a day past its window
-- Severity: fail
-- Why:      these are the rules for malformed rows; who breaks them came past the parser

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(concat(t.source_file, ':', t.source_line))), '')) AS observed,
    '0 lines' AS expected
FROM ecommerce_db.transactions_raw AS t
WHERE
    t.problem IS NULL
    AND (
        t.quantity = 0
        OR t.invoice_date < TIMESTAMP '2000-01-01 00:00:00'
        OR t.invoice_date > t.window_start + INTERVAL 28 HOURS
        OR t.stock_code <> upper(trim(t.stock_code))
    )
