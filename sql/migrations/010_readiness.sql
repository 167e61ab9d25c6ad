-- Purpose: what the readiness check asks of gold, and which views it found late.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE TABLE ops.loaded_snapshots (
    dataset text NOT NULL CHECK (dataset IN ('products', 'countries')),
    snapshot_date date NOT NULL,
    file_sha256 text NOT NULL CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    source_file text NOT NULL,
    row_count integer NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, snapshot_date, file_sha256)
);

COMMENT ON TABLE ops.loaded_snapshots IS 'One row a products or countries file that gold has taken, whether or not it changed anything';
COMMENT ON COLUMN ops.loaded_snapshots.dataset IS 'products or countries';
COMMENT ON COLUMN ops.loaded_snapshots.snapshot_date IS 'Date in the file''s name';
COMMENT ON COLUMN ops.loaded_snapshots.file_sha256 IS 'SHA-256 of the file''s bytes';
COMMENT ON COLUMN ops.loaded_snapshots.source_file IS 'Name under which it first arrived';
COMMENT ON COLUMN ops.loaded_snapshots.row_count IS 'Good rows in it';
COMMENT ON COLUMN ops.loaded_snapshots.batch_id IS 'The load that took it';
COMMENT ON COLUMN ops.loaded_snapshots.loaded_at IS 'When that load committed';

-- Not in ops.loaded_files: all empty files have the same bytes.
CREATE TABLE ops.empty_files (
    window_start timestamptz PRIMARY KEY,
    source_file text NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    taken_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE ops.empty_files IS 'One row a transactions file without a record: bronze and gold have nothing of it';
COMMENT ON COLUMN ops.empty_files.window_start IS 'Start of its 4-hour window, from its name';
COMMENT ON COLUMN ops.empty_files.source_file IS 'Name under which it arrived';
COMMENT ON COLUMN ops.empty_files.batch_id IS 'The ingestion that took it';
COMMENT ON COLUMN ops.empty_files.taken_at IS 'When';

CREATE TABLE ops.late_views (
    day date NOT NULL,
    view_name text NOT NULL,
    reasons text[] NOT NULL CHECK (cardinality(reasons) > 0),
    due timestamptz NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    PRIMARY KEY (day, view_name)
);

CREATE INDEX late_views_batch ON ops.late_views (batch_id);

COMMENT ON TABLE ops.late_views IS 'One row a day and mart view that was not ready in time: what the stewards were told, once';
COMMENT ON COLUMN ops.late_views.day IS 'The day (UTC)';
COMMENT ON COLUMN ops.late_views.view_name IS 'The view';
COMMENT ON COLUMN ops.late_views.reasons IS 'What was missing when it was first found late';
COMMENT ON COLUMN ops.late_views.due IS 'When it was to be ready';
COMMENT ON COLUMN ops.late_views.batch_id IS 'The run that found it late first';

ALTER TABLE ops.mail_findings
DROP CONSTRAINT mail_findings_kind_check;

ALTER TABLE ops.mail_findings
ADD CONSTRAINT mail_findings_kind_check CHECK (kind IN ('anomalies', 'errors', 'late'));

COMMENT ON COLUMN ops.mail_findings.kind IS 'anomalies, errors or late (views)';

GRANT SELECT, INSERT, UPDATE ON ops.loaded_snapshots, ops.empty_files, ops.late_views TO warehouse_loader;
GRANT SELECT ON ops.loaded_snapshots, ops.empty_files, ops.late_views TO warehouse_analyst, warehouse_reader;
