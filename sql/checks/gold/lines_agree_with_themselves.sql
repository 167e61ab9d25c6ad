-- Check:    amount, return flag, invoice and day of a line follow from its other columns
-- Severity: fail
-- Why:      every figure is a sum of these columns

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(f.transaction_id), '') AS observed,
    '0 lines' AS expected
FROM fact_transactions AS f
WHERE
    f.total_amount <> f.quantity * f.unit_price
    OR f.is_return <> (f.quantity < 0)
    OR f.date_sk <> to_char(f.invoice_date AT TIME ZONE 'UTC', 'YYYYMMDD')::integer
    OR NOT starts_with(f.transaction_id, f.invoice_no || '-')
