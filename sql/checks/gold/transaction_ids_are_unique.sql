-- Check:    a transaction_id is in the fact once
-- Severity: fail
-- Why:      the primary key holds id and time together: a line that moved to another day could be there twice

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(d.transaction_id), '') AS observed,
    '0 ids twice' AS expected
FROM (
    SELECT f.transaction_id
    FROM fact_transactions AS f
    GROUP BY f.transaction_id
    HAVING count(*) > 1
) AS d
