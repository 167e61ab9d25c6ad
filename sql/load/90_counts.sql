-- Purpose: what became of every line of the new files, and of the lines looked at again.
-- Run by:  jobs/gold/merge.py, last of the load's one transaction
-- Reads:   tally, losers, replaced: the staged lines themselves are not read again

SELECT
    w.new_lines + x.superseded AS rows_in,
    x.superseded,
    w.error,
    r.unchanged,
    w.lines - w.new_lines + x.lines - x.superseded AS looked_at_again,
    w.again_good - r.unchanged_again AS restated,
    r.moved_to_error
FROM (
    SELECT
        coalesce(sum(t.lines), 0)::bigint AS lines,
        coalesce(sum(t.lines) FILTER (WHERE t.is_new), 0)::bigint AS new_lines,
        coalesce(sum(t.lines) FILTER (WHERE t.is_new AND t.is_bad), 0)::bigint AS error,
        coalesce(sum(t.lines) FILTER (WHERE NOT t.is_new AND NOT t.is_bad), 0)::bigint AS again_good
    FROM tally AS t
) AS w
CROSS JOIN (
    SELECT
        count(*) AS lines,
        count(*) FILTER (WHERE l.is_new) AS superseded
    FROM losers AS o
    INNER JOIN staged_lines AS l ON o.file_key = l.file_key AND o.source_line = l.source_line
) AS x
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE p.is_new AND p.same) AS unchanged,
        count(*) FILTER (WHERE NOT p.is_new AND p.same) AS unchanged_again,
        count(*) FILTER (WHERE NOT p.is_new AND p.is_bad) AS moved_to_error
    FROM (
        SELECT
            e.transaction_id,
            bool_or(e.is_new) AS is_new,
            bool_or(e.is_bad) AS is_bad,
            bool_or(e.same) AS same
        FROM replaced AS e
        GROUP BY e.transaction_id
    ) AS p
) AS r;
