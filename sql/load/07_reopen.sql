-- Purpose: of a load that brings archived months back: from here on they are gold's.
-- Run by:  jobs/gold/merge.py
-- Parameters: batch_id, reopened (the first of the months)
-- Makes:   reopened (the months whose lines can be scored again: theirs, and those of the 12 after)

CREATE TEMP TABLE reopened ON COMMIT DROP AS
SELECT
    %(reopened)s::date AS first,
    ops.scoring_starts() AS past;

-- A month may end up without lines: the star in the lake has to follow then, too.
WITH opened AS (
    DELETE FROM ops.archived_months AS a
    USING reopened AS r
    WHERE a.month >= r.first
    RETURNING a.month
)

INSERT INTO ops.fact_months (month, batch_id)
SELECT
    o.month,
    %(batch_id)s AS batch_id
FROM opened AS o
ON CONFLICT (month) DO UPDATE SET batch_id = excluded.batch_id;
