-- Purpose: the new files, and how many of their lines are malformed, the worst first; lines that
--          another file corrects are left out.
-- Run by:  jobs/gold/breaker.py, at the end of the load's one transaction

SELECT
    f.file_sha256,
    f.source_file,
    f.window_start,
    f.line_count,
    coalesce(m.malformed, 0) AS malformed
FROM staged_files AS f
LEFT JOIN (
    SELECT
        l.file_key,
        count(*) AS malformed
    FROM staged_lines AS l
    LEFT JOIN losers AS x ON l.file_key = x.file_key AND l.source_line = x.source_line
    WHERE
        l.is_new
        AND x.file_key IS NULL
        AND 'malformed_row' = any(l.rules::text[])
        -- else the lines are not read
        AND EXISTS (
            SELECT 1 FROM tally AS t
            WHERE t.is_bad
        )
    GROUP BY l.file_key
) AS m ON f.file_key = m.file_key
ORDER BY coalesce(m.malformed, 0)::numeric / greatest(f.line_count, 1) DESC, f.source_file ASC;
