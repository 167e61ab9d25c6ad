-- Check:    the circuit breaker holds nothing back
-- Severity: warn
-- Why:      files that wait for a person's word are missing from every figure

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(p.source_file), '') AS observed,
    '0 files pending' AS expected
FROM ops.pending_files AS p
