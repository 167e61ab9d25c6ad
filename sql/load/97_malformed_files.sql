-- Purpose: the new files, and how many of their lines are malformed, the worst first; lines that
--          another file corrects are left out.
-- Run by:  jobs/gold/breaker.py, at the end of the load's one transaction

SELECT
    f.file_sha256,
    f.source_file,
    f.window_start,
    f.line_count,
    count(m.file_key) AS malformed
FROM staged_files AS f
LEFT JOIN (
    SELECT l.file_key
    FROM staged_lines AS l
    LEFT JOIN losers AS x ON l.file_key = x.file_key AND l.source_line = x.source_line
    WHERE l.is_new AND x.file_key IS NULL AND 'malformed_row' = any(l.rules::text[])
) AS m ON f.file_key = m.file_key
GROUP BY f.file_sha256, f.source_file, f.window_start, f.line_count
ORDER BY count(m.file_key)::numeric / greatest(f.line_count, 1) DESC, f.source_file ASC;
