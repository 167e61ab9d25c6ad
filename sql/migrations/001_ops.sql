-- Purpose: the schemas, and the tables in which runs account for themselves.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA IF NOT EXISTS staging;

COMMENT ON SCHEMA ops IS 'Runs, checks, ledgers and outboxes of the warehouse';
COMMENT ON SCHEMA staging IS 'Unlogged tables of a load that is under way, named by run';

CREATE TABLE ops.runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job text NOT NULL,
    status text NOT NULL DEFAULT 'running'
    CHECK (status IN ('running', 'done', 'failed', 'died')),
    triggered_by text NOT NULL DEFAULT 'manual'
    CHECK (triggered_by IN ('manual', 'schedule')),
    who text NOT NULL,
    backend_pid integer NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    message text
);

COMMENT ON TABLE ops.runs IS 'One row a run of a job; run_id is the batch_id of what it wrote';
COMMENT ON COLUMN ops.runs.run_id IS 'Rising number of the run';
COMMENT ON COLUMN ops.runs.job IS 'Name of the job, as in scripts/run_<job>.sh';
COMMENT ON COLUMN ops.runs.status IS 'running, done, failed, or died (the process went away without a word); read ops.v_runs for the state of this moment';
COMMENT ON COLUMN ops.runs.triggered_by IS 'manual or schedule';
COMMENT ON COLUMN ops.runs.who IS 'user@host and process id of the driver';
COMMENT ON COLUMN ops.runs.backend_pid IS 'Postgres backend that holds the run''s locks';
COMMENT ON COLUMN ops.runs.parameters IS 'Arguments and the rule settings in force';
COMMENT ON COLUMN ops.runs.started_at IS 'Start of the run';
COMMENT ON COLUMN ops.runs.ended_at IS 'End of the run; null while it runs or when it died';
COMMENT ON COLUMN ops.runs.counts IS 'What the run did, in rows by outcome';
COMMENT ON COLUMN ops.runs.message IS 'The error, or a remark';

CREATE TABLE ops.checks (
    run_id bigint NOT NULL REFERENCES ops.runs,
    check_name text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('fail', 'warn')),
    passed boolean NOT NULL,
    observed text,
    expected text,
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, check_name)
);

COMMENT ON TABLE ops.checks IS 'One row a data check of a run';
COMMENT ON COLUMN ops.checks.run_id IS 'The run that made the check';
COMMENT ON COLUMN ops.checks.check_name IS 'Name of the check';
COMMENT ON COLUMN ops.checks.severity IS 'fail stops the run before it publishes; warn is reported';
COMMENT ON COLUMN ops.checks.passed IS 'Whether what was observed is as expected';
COMMENT ON COLUMN ops.checks.observed IS 'What was found';
COMMENT ON COLUMN ops.checks.expected IS 'What should have been found';
COMMENT ON COLUMN ops.checks.checked_at IS 'When';

CREATE TABLE ops.loaded_files (
    file_sha256 text PRIMARY KEY CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    file_key bigint NOT NULL UNIQUE,
    source_file text NOT NULL,
    window_start timestamptz NOT NULL,
    line_count integer NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    loaded_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE ops.loaded_files IS 'One row a transactions file that gold has taken';
COMMENT ON COLUMN ops.loaded_files.file_sha256 IS 'SHA-256 of the file''s bytes: its identity';
COMMENT ON COLUMN ops.loaded_files.file_key IS 'First 15 hex digits of file_sha256 as a number; facts and errors point here';
COMMENT ON COLUMN ops.loaded_files.source_file IS 'Name under which it first arrived';
COMMENT ON COLUMN ops.loaded_files.window_start IS 'Start of its 4-hour window, from its name';
COMMENT ON COLUMN ops.loaded_files.line_count IS 'Records in it, bad ones included';
COMMENT ON COLUMN ops.loaded_files.batch_id IS 'The load that took it';
COMMENT ON COLUMN ops.loaded_files.loaded_at IS 'When that load committed';

CREATE TABLE ops.rejected_rows (
    rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    source_file text NOT NULL,
    source_line integer NOT NULL,
    file_sha256 text NOT NULL,
    reason text NOT NULL,
    raw jsonb NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    first_seen timestamptz NOT NULL DEFAULT now(),
    UNIQUE (dataset, source_file, file_sha256, source_line)
);

COMMENT ON TABLE ops.rejected_rows IS 'One row a refused row of a products or countries file';
COMMENT ON COLUMN ops.rejected_rows.rejected_id IS 'Number of the refusal';
COMMENT ON COLUMN ops.rejected_rows.dataset IS 'products or countries';
COMMENT ON COLUMN ops.rejected_rows.source_file IS 'Name of the file';
COMMENT ON COLUMN ops.rejected_rows.source_line IS 'Line at which the row starts; the header is line 1';
COMMENT ON COLUMN ops.rejected_rows.file_sha256 IS 'SHA-256 of the file''s bytes';
COMMENT ON COLUMN ops.rejected_rows.reason IS 'What is wrong with it';
COMMENT ON COLUMN ops.rejected_rows.raw IS 'Its fields as they came';
COMMENT ON COLUMN ops.rejected_rows.batch_id IS 'The run that refused it';
COMMENT ON COLUMN ops.rejected_rows.first_seen IS 'When it was first refused';

CREATE TABLE ops.watermarks (
    table_name text PRIMARY KEY,
    snapshot_id bigint NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs
);

COMMENT ON TABLE ops.watermarks IS 'One row a bronze table: the snapshot that gold has taken in';
COMMENT ON COLUMN ops.watermarks.table_name IS 'Name of the bronze table';
COMMENT ON COLUMN ops.watermarks.snapshot_id IS 'Iceberg snapshot up to which gold is complete';
COMMENT ON COLUMN ops.watermarks.batch_id IS 'The load that moved it';

CREATE TABLE ops.fact_months (
    month date PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES ops.runs
);

COMMENT ON TABLE ops.fact_months IS 'One row a month of the fact';
COMMENT ON COLUMN ops.fact_months.month IS 'First day of the month';
COMMENT ON COLUMN ops.fact_months.batch_id IS 'The last load that changed a line in it';

CREATE TABLE ops.sales_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stock_code text NOT NULL,
    month date NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    reason text NOT NULL CHECK (reason IN ('lines', 'prices', 'review'))
);

COMMENT ON TABLE ops.sales_changes IS 'Work for the anomaly job: one row a product and month whose sales lines changed; rows go once they are worked off';
COMMENT ON COLUMN ops.sales_changes.change_id IS 'Number of the entry';
COMMENT ON COLUMN ops.sales_changes.stock_code IS 'The product';
COMMENT ON COLUMN ops.sales_changes.month IS 'First day of the month of the lines';
COMMENT ON COLUMN ops.sales_changes.batch_id IS 'The run that changed them';
COMMENT ON COLUMN ops.sales_changes.reason IS 'lines: they came, went or changed; prices: only their price did; review: a person set a status';

-- A run is alive as long as its backend holds advisory lock (8272, run_id).
CREATE VIEW ops.v_runs AS
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
    r.message
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

COMMENT ON VIEW ops.v_runs IS 'One row a run, with the state of this moment';
COMMENT ON COLUMN ops.v_runs.run_id IS 'Rising number of the run';
COMMENT ON COLUMN ops.v_runs.job IS 'Name of the job';
COMMENT ON COLUMN ops.v_runs.status IS 'running, done, failed or died';
COMMENT ON COLUMN ops.v_runs.triggered_by IS 'manual or schedule';
COMMENT ON COLUMN ops.v_runs.who IS 'user@host and process id of the driver';
COMMENT ON COLUMN ops.v_runs.started_at IS 'Start of the run';
COMMENT ON COLUMN ops.v_runs.ended_at IS 'End of the run';
COMMENT ON COLUMN ops.v_runs.parameters IS 'Arguments and the rule settings in force';
COMMENT ON COLUMN ops.v_runs.counts IS 'What the run did, in rows by outcome';
COMMENT ON COLUMN ops.v_runs.message IS 'The error, or a remark';
