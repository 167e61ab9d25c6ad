-- Purpose: which staged lines count. Of the rows with one transaction_id the greatest
--          (file window, file hash, source line) wins, in whatever order they arrive.
-- Run by:  jobs/gold/merge.py
-- Parameters: forced (what gold holds may be damaged: of every staged transaction, all lines of
--          bronze are staged, so gold is not asked which line counts)
-- Reads:   settled_ids (staged ids that a line of an archived month has)
-- Makes:   losers (staged lines that do not count); its last statement says whether there are any

CREATE TEMP TABLE losers (
    file_key bigint,
    source_line integer,
    PRIMARY KEY (file_key, source_line)
) ON COMMIT DROP;

-- What gold had taken before the line of that id left it is settled.
INSERT INTO losers (file_key, source_line)
SELECT DISTINCT
    l.file_key,
    l.source_line
FROM settled_ids AS a
INNER JOIN staged_lines AS l ON a.transaction_id = l.transaction_id
INNER JOIN ops.loaded_files AS w ON l.file_key = w.file_key
WHERE w.batch_id <= a.archived_by;

-- Numbers are grouped in less time than texts, and each half by a process of its own. Two ids with
-- one number do no harm: ids are ranked.
CREATE TEMP TABLE doubled ON COMMIT DROP AS
SELECT h.number
FROM (
    SELECT n.number
    FROM (SELECT hashtextextended(l.transaction_id, 0) AS number FROM staged_lines AS l) AS n
    WHERE n.number < 0
    GROUP BY n.number
    HAVING count(*) > 1
    UNION ALL
    SELECT n.number
    FROM (SELECT hashtextextended(l.transaction_id, 0) AS number FROM staged_lines AS l) AS n
    WHERE n.number >= 0
    GROUP BY n.number
    HAVING count(*) > 1
) AS h;

ANALYZE doubled;

INSERT INTO losers (file_key, source_line)
WITH ranked AS (
    SELECT
        l.file_key,
        l.source_line,
        row_number() OVER (
            PARTITION BY l.transaction_id
            ORDER BY w.window_start DESC, w.file_sha256 DESC, l.source_line DESC
        ) AS nth
    FROM doubled AS d
    INNER JOIN staged_lines AS l ON d.number = hashtextextended(l.transaction_id, 0)
    INNER JOIN ops.loaded_files AS w ON l.file_key = w.file_key
    LEFT JOIN losers AS x ON l.file_key = x.file_key AND l.source_line = x.source_line
    WHERE x.file_key IS NULL
)

SELECT
    r.file_key,
    r.source_line
FROM ranked AS r
WHERE r.nth > 1;

CREATE INDEX held_transaction ON held (transaction_id);
ANALYZE held;

INSERT INTO losers (file_key, source_line)
SELECT
    l.file_key,
    l.source_line
FROM held AS h
INNER JOIN staged_lines AS l ON h.transaction_id = l.transaction_id
INNER JOIN ops.loaded_files AS wl ON l.file_key = wl.file_key
INNER JOIN ops.loaded_files AS wh ON h.file_key = wh.file_key
WHERE
    (
        NOT %(forced)s
        AND (wh.window_start, wh.file_sha256, h.source_line)
        > (wl.window_start, wl.file_sha256, l.source_line)
    )
    -- what a person discarded stays so until another row takes its place
    OR (h.error_status = 'DISCARDED' AND h.file_key = l.file_key AND h.source_line = l.source_line)
ON CONFLICT DO NOTHING;

ANALYZE losers;

SELECT count(*) > 0 AS any_lost
FROM (SELECT 1 FROM losers LIMIT 1) AS x;
