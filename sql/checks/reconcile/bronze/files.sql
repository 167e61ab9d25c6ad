-- Check:    gold has taken each file of bronze whole
-- Severity: fail
-- Why:      a line that went from bronze after the load would not be missed otherwise

SELECT
    count(*) AS files,
    coalesce(sum(f.lines), 0) AS lines,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        f.file_sha256,
        f.lines
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM (
    SELECT
        t.file_sha256,
        count(*) AS lines
    FROM taken_transactions AS t
    GROUP BY t.file_sha256
) AS f
