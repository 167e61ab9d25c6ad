-- Check:    all lines of a file name the same file, window and run
-- Severity: fail
-- Why:      the winner rule goes by the window

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(d.source_file)), '')) AS observed,
    '0 files' AS expected
FROM (
    SELECT min(t.source_file) AS source_file
    FROM ecommerce_db.transactions_raw AS t
    GROUP BY t.file_sha256
    HAVING count(DISTINCT struct(t.source_file, t.window_start, t.batch_id)) > 1
) AS d
