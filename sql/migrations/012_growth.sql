-- Purpose: what keeps a load's cost flat as history grows: where to look for a transaction, product
--          versions by their start, runs under way, and anomalies that no longer have a line.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

-- Asks each month's own key, so it is exact whatever was written to the fact, and by whom: a
-- descent of an index a range and month. min(), since LIMIT 1 may be planned as a scan.
CREATE FUNCTION ops.fact_months_within(p_low text[], p_high text[]) RETURNS SETOF date
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_name text;
    v_found boolean;
BEGIN
    FOR v_name IN
        SELECT c.relname
        FROM pg_catalog.pg_inherits AS i
        INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = 'public.fact_transactions'::regclass
        ORDER BY c.relname
    LOOP
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM unnest($1, $2) AS r (low, high) WHERE ('
            'SELECT min(f.transaction_id) FROM public.%I AS f WHERE f.transaction_id >= r.low'
            ') <= r.high)',
            v_name
        ) INTO v_found USING p_low, p_high;
        IF v_found THEN
            RETURN NEXT to_date(right(v_name, 7), 'YYYY_MM');
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION ops.fact_months_within IS 'Months of the fact that hold a transaction_id of any of the ranges, ends included';
REVOKE ALL ON FUNCTION ops.fact_months_within FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.fact_months_within TO warehouse_loader;

ALTER TABLE anomalies
ADD COLUMN line_changed boolean NOT NULL DEFAULT FALSE;

COMMENT ON COLUMN anomalies.line_changed IS 'Whether the line has become another since it was flagged, and was not flagged anew';

UPDATE anomalies AS a
SET line_changed = TRUE
WHERE
    NOT EXISTS (
        SELECT 1 FROM fact_transactions AS f
        INNER JOIN dim_products AS p ON f.product_sk = p.product_sk
        WHERE
            f.transaction_id = a.transaction_id
            AND (p.stock_code, f.quantity, f.invoice_date) = (a.stock_code, a.quantity, a.invoice_date)
    );

-- Few of many: what people found odd after all, or not, and lines that are no longer as they were.
CREATE INDEX anomalies_resolved ON anomalies (transaction_id) WHERE status = 'RESOLVED';
CREATE INDEX anomalies_forgiven ON anomalies (stock_code, invoice_date) WHERE status = 'FALSE_POSITIVE';
CREATE INDEX anomalies_changed ON anomalies (status) WHERE line_changed;

ALTER TABLE ops.sales_changes
DROP CONSTRAINT sales_changes_reason_check;

ALTER TABLE ops.sales_changes
ADD CONSTRAINT sales_changes_reason_check CHECK (reason IN ('lines', 'flagged', 'prices', 'review'));

COMMENT ON COLUMN ops.sales_changes.reason IS 'lines: they came, went or changed; flagged: so did a flagged one; prices: only prices did; review: of a person';

-- A load's lines lie together, so ranges of blocks tell where they are; next to no upkeep.
CREATE INDEX fact_transactions_batch ON fact_transactions USING brin (batch_id)
WITH (pages_per_range = 16, autosummarize = on);

CREATE INDEX runs_running ON ops.runs (run_id) WHERE status = 'running';
CREATE INDEX dim_products_start ON dim_products (effective_date);

ALTER TABLE ops.watermarks
ADD COLUMN mode text;

COMMENT ON COLUMN ops.watermarks.mode IS 'Of products, what it means that a list lacks one, as they were built; null when that is not known';
