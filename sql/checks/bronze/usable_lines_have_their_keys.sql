-- Check:    a usable line has invoice, line, product, quantity and time; a bad one says why and keeps its text
-- Severity: fail
-- Why:      bronze is the ledger: what cannot be used must be there to be read

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(concat(t.source_file, ':', t.source_line))), '')) AS observed,
    '0 lines' AS expected
FROM ecommerce_db.transactions_raw AS t
WHERE
    (
        t.problem IS NULL
        AND (
            t.invoice_no IS NULL
            OR t.line_no IS NULL
            OR t.stock_code IS NULL
            OR t.quantity IS NULL
            OR t.invoice_date IS NULL
        )
    )
    OR (t.problem IS NOT NULL AND (t.raw_fields IS NULL OR t.raw_bytes IS NULL))
    OR NOT coalesce(t.file_sha256 RLIKE '^[0-9a-f]{64}$', FALSE)
    OR t.window_start IS NULL
    OR t.source_line < 2
