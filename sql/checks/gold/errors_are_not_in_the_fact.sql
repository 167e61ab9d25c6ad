-- Check:    an open error is no line of the fact, and has a file that gold has taken
-- Severity: fail
-- Why:      each line is loaded or in error, never both

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(coalesce(e.transaction_id, e.error_id)), '') AS observed,
    '0 errors' AS expected
FROM transactions_error AS e
WHERE
    e.status = 'OPEN'
    AND (
        EXISTS (
            SELECT 1 FROM fact_transactions AS f
            WHERE f.transaction_id = e.transaction_id
        )
        OR NOT EXISTS (
            SELECT 1 FROM ops.loaded_files AS l
            WHERE l.file_key = e.file_key
        )
    )
