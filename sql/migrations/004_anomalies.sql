-- Purpose: anomalies, their baselines, and who set which status when.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE TABLE anomaly_baselines (
    stock_code text NOT NULL,
    month date,
    line_count integer NOT NULL,
    median_qty double precision NOT NULL,
    std_deviation double precision NOT NULL,
    is_sufficient boolean NOT NULL,
    batch_id bigint NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (stock_code, month)
);

COMMENT ON TABLE anomaly_baselines IS 'One row a product and month: the usual quantity of a sales line, from the 12 months before it';
COMMENT ON COLUMN anomaly_baselines.stock_code IS 'The product';
COMMENT ON COLUMN anomaly_baselines.month IS 'First day of the month that is scored by it; null when the baseline is the whole history';
COMMENT ON COLUMN anomaly_baselines.line_count IS 'Sales lines it was computed from; at the time of computing';
COMMENT ON COLUMN anomaly_baselines.median_qty IS 'Exact median of quantity';
COMMENT ON COLUMN anomaly_baselines.std_deviation IS 'Sample standard deviation of quantity (n - 1); 1 where it is zero';
COMMENT ON COLUMN anomaly_baselines.is_sufficient IS 'Whether there were enough lines to score by it';
COMMENT ON COLUMN anomaly_baselines.batch_id IS 'The run (ops.runs) that computed it';
COMMENT ON COLUMN anomaly_baselines.computed_at IS 'When';

CREATE TABLE anomalies (
    anomaly_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text NOT NULL UNIQUE,
    order_id text NOT NULL,
    stock_code text NOT NULL,
    quantity integer NOT NULL,
    median_qty double precision NOT NULL,
    std_deviation double precision NOT NULL,
    z_score double precision NOT NULL,
    threshold double precision NOT NULL,
    baseline_month date,
    invoice_date timestamptz NOT NULL,
    alert_timestamp timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'NEW'
    CHECK (status IN ('NEW', 'REVIEWED', 'RESOLVED', 'FALSE_POSITIVE')),
    investigator_notes text,
    still_flagged boolean NOT NULL DEFAULT TRUE,
    batch_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX anomalies_product ON anomalies (stock_code, invoice_date);
CREATE INDEX anomalies_batch ON anomalies (batch_id);

COMMENT ON TABLE anomalies IS 'One row a sales line whose quantity is above its product''s threshold';
COMMENT ON COLUMN anomalies.anomaly_id IS 'Number of the finding';
COMMENT ON COLUMN anomalies.transaction_id IS 'The invoice line';
COMMENT ON COLUMN anomalies.order_id IS 'The invoice (invoice_no)';
COMMENT ON COLUMN anomalies.stock_code IS 'The product';
COMMENT ON COLUMN anomalies.quantity IS 'Units on the line';
COMMENT ON COLUMN anomalies.median_qty IS 'Median quantity of the baseline';
COMMENT ON COLUMN anomalies.std_deviation IS 'Sample standard deviation of the baseline';
COMMENT ON COLUMN anomalies.z_score IS '(quantity - median_qty) / std_deviation';
COMMENT ON COLUMN anomalies.threshold IS 'Flagged above it: median_qty + k x std_deviation, or the largest FALSE_POSITIVE of the 12 months before';
COMMENT ON COLUMN anomalies.baseline_month IS 'The month of the baseline; null when the baseline is the whole history';
COMMENT ON COLUMN anomalies.invoice_date IS 'Time of the invoice (UTC)';
COMMENT ON COLUMN anomalies.alert_timestamp IS 'When the line was flagged';
COMMENT ON COLUMN anomalies.status IS 'NEW, REVIEWED, RESOLVED (truly odd: leaves the baselines) or FALSE_POSITIVE (raises the threshold); set by a person';
COMMENT ON COLUMN anomalies.investigator_notes IS 'What the person found';
COMMENT ON COLUMN anomalies.still_flagged IS 'False once the line no longer is above its threshold';
COMMENT ON COLUMN anomalies.batch_id IS 'The run (ops.runs) that flagged it';
COMMENT ON COLUMN anomalies.created_at IS 'When the row was made';

CREATE TABLE anomaly_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text NOT NULL,
    stock_code text NOT NULL,
    old_status text NOT NULL,
    new_status text NOT NULL,
    notes text,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    quantity integer NOT NULL,
    median_qty double precision NOT NULL,
    std_deviation double precision NOT NULL,
    z_score double precision NOT NULL,
    threshold double precision NOT NULL
);

CREATE INDEX anomaly_history_transaction ON anomaly_history (transaction_id);

COMMENT ON TABLE anomaly_history IS 'One row a change of an anomaly''s status or notes, with the figures at that moment';
COMMENT ON COLUMN anomaly_history.history_id IS 'Number of the change';
COMMENT ON COLUMN anomaly_history.transaction_id IS 'The invoice line';
COMMENT ON COLUMN anomaly_history.stock_code IS 'The product';
COMMENT ON COLUMN anomaly_history.old_status IS 'Status before';
COMMENT ON COLUMN anomaly_history.new_status IS 'Status after';
COMMENT ON COLUMN anomaly_history.notes IS 'Notes after';
COMMENT ON COLUMN anomaly_history.changed_by IS 'Who: the name given to run_review_anomaly.sh, else the database user';
COMMENT ON COLUMN anomaly_history.changed_at IS 'When';
COMMENT ON COLUMN anomaly_history.quantity IS 'Units on the line';
COMMENT ON COLUMN anomaly_history.median_qty IS 'Median of the baseline then';
COMMENT ON COLUMN anomaly_history.std_deviation IS 'Standard deviation of the baseline then';
COMMENT ON COLUMN anomaly_history.z_score IS 'Z-score then';
COMMENT ON COLUMN anomaly_history.threshold IS 'Threshold then';

-- Runs as the owner, since an analyst may set a status but not write history or queue work.
CREATE FUNCTION ops.record_anomaly_review() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO public.anomaly_history (
        transaction_id, stock_code, old_status, new_status, notes, changed_by,
        quantity, median_qty, std_deviation, z_score, threshold
    ) VALUES (
        new.transaction_id, new.stock_code, old.status, new.status, new.investigator_notes,
        -- only the jobs may say who reviewed; anyone else is who they logged in as
        coalesce(
            CASE
                WHEN session_user = 'warehouse_loader'
                    THEN nullif(current_setting('warehouse.reviewer', true), '')
            END,
            session_user
        ),
        new.quantity, new.median_qty, new.std_deviation, new.z_score, new.threshold
    );
    IF old.status IS DISTINCT FROM new.status THEN
        INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason)
        VALUES (
            new.stock_code,
            date_trunc('month', new.invoice_date AT TIME ZONE 'UTC')::date,
            new.batch_id,
            'review'
        );
    END IF;
    RETURN new;
END
$$;

COMMENT ON FUNCTION ops.record_anomaly_review IS 'Keeps who set which status when, and queues the product for rescoring';
REVOKE ALL ON FUNCTION ops.record_anomaly_review FROM PUBLIC;

CREATE TRIGGER anomaly_review
AFTER UPDATE OF status, investigator_notes ON anomalies
FOR EACH ROW
WHEN (
    old.status IS DISTINCT FROM new.status
    OR old.investigator_notes IS DISTINCT FROM new.investigator_notes
)
EXECUTE FUNCTION ops.record_anomaly_review();
