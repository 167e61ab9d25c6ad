-- Check:    the open errors are the lines of bronze that break a rule, each with all its rules
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    count(*) AS errors,
    coalesce(sum(('x' || substr(md5(concat_ws(
        '|',
        e.error_id,
        array_to_string(e.rules, ','),
        e.source_file,
        e.source_line
    )), 1, 15))::bit(60)::bigint), 0) AS hash
FROM transactions_error AS e
WHERE e.status = 'OPEN'
