-- Purpose: which build of the scheduler a run belongs to.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

ALTER TABLE ops.runs
ADD COLUMN build text;

CREATE INDEX runs_build ON ops.runs (build) WHERE build IS NOT NULL;

COMMENT ON COLUMN ops.runs.build IS 'The scheduler''s build that started it (WAREHOUSE_BUILD); null when a person did';

-- Replaced, not dropped: its grants stay.
CREATE OR REPLACE VIEW ops.v_runs AS
SELECT
    r.run_id,
    r.job,
    CASE
        WHEN r.status = 'running' AND l.pid IS NULL THEN 'died'
        ELSE r.status
    END AS status,
    r.triggered_by,
    r.who,
    r.started_at,
    r.ended_at,
    r.parameters,
    r.counts,
    r.message,
    r.build
FROM ops.runs AS r
LEFT JOIN pg_catalog.pg_locks AS l
    ON
        l.locktype = 'advisory'
        AND l.classid = 8272
        AND l.objid = r.run_id::oid
        AND l.granted
        AND l.database = (
            SELECT d.oid FROM pg_catalog.pg_database AS d
            WHERE d.datname = current_database()
        );

COMMENT ON COLUMN ops.v_runs.build IS 'The scheduler''s build that started it; null when a person did';
