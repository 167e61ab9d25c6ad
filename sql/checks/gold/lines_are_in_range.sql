-- Check:    quantities are not zero, prices not negative, times from 2000 on and not ahead of tomorrow
-- Severity: fail
-- Why:      the split stream sends such lines to the error table: one in the fact came another way

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(f.transaction_id), '') AS observed,
    '0 lines' AS expected
FROM fact_transactions AS f
WHERE
    f.quantity = 0
    OR f.unit_price < 0
    OR f.invoice_date < '2000-01-01Z'
    OR f.invoice_date > greatest(
        %(now)s + interval '2 days',
        (SELECT max(l.window_start) + interval '29 hours' FROM ops.loaded_files AS l)
    )
