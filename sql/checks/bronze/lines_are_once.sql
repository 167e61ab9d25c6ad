-- Check:    a line of a file is in bronze once
-- Severity: fail
-- Why:      a file is one commit; a line twice is a file that was taken twice

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(d.place)), '')) AS observed,
    '0 lines twice' AS expected
FROM (
    SELECT concat(max(t.source_file), ':', t.source_line) AS place
    FROM ecommerce_db.transactions_raw AS t
    GROUP BY t.file_sha256, t.source_line
    HAVING count(*) > 1
) AS d
