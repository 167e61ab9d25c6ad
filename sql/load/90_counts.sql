-- Purpose: what became of every line of the new files, and of the lines looked at again.
-- Run by:  jobs/gold/merge.py, last of the load's one transaction

SELECT
    count(*) FILTER (WHERE l.is_new) AS rows_in,
    count(*) FILTER (WHERE l.is_new AND x.file_key IS NOT NULL) AS superseded,
    count(*) FILTER (WHERE l.is_new AND x.file_key IS NULL AND l.rules IS NOT NULL) AS error,
    count(*) FILTER (WHERE l.is_new AND x.file_key IS NULL AND l.rules IS NULL AND r.same) AS unchanged,
    count(*) FILTER (WHERE NOT l.is_new) AS looked_at_again,
    count(*) FILTER (
        WHERE NOT l.is_new AND x.file_key IS NULL AND l.rules IS NULL AND r.same IS NOT TRUE
    ) AS restated,
    count(*) FILTER (
        WHERE NOT l.is_new AND x.file_key IS NULL AND l.rules IS NOT NULL AND r.same IS NOT NULL
    ) AS moved_to_error
FROM staged_lines AS l
LEFT JOIN losers AS x ON l.file_key = x.file_key AND l.source_line = x.source_line
LEFT JOIN (
    SELECT
        p.transaction_id,
        bool_or(p.same) AS same
    FROM replaced AS p
    GROUP BY p.transaction_id
) AS r ON l.transaction_id = r.transaction_id AND x.file_key IS NULL;
