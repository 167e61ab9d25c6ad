-- Check:    gold has taken each file of bronze whole
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    count(*) AS files,
    coalesce(sum(f.line_count), 0) AS lines,
    coalesce(
        sum(('x' || substr(md5(concat_ws('|', f.file_sha256, f.line_count)), 1, 15))::bit(60)::bigint), 0
    ) AS hash
FROM ops.loaded_files AS f
