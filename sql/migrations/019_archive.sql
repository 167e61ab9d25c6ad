-- Purpose: months of the fact that left gold for ecommerce_dw: which, when, and how to tell their lines.
--          They are the oldest without a gap, so gold starts where they end; loads leave them alone.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.archive_month('2009-01-01', 17);  SELECT ops.drop_empty_month('2009-01-01');
--          DELETE FROM ops.archived_months WHERE month >= '2009-01-01';  in the load that brings them back

CREATE TABLE ops.archived_months (
    month date PRIMARY KEY CHECK (extract(DAY FROM month) = 1),
    lines bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(24, 4) NOT NULL,
    run_id bigint NOT NULL REFERENCES ops.runs,
    archived_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE ops.archived_months IS 'One row a month that left gold: its lines are in ecommerce_dw alone';
COMMENT ON COLUMN ops.archived_months.month IS 'First day of the month';
COMMENT ON COLUMN ops.archived_months.lines IS 'Invoice lines that it had, returns included';
COMMENT ON COLUMN ops.archived_months.units IS 'Their units net of returns';
COMMENT ON COLUMN ops.archived_months.revenue IS 'Their revenue net of returns';
COMMENT ON COLUMN ops.archived_months.run_id IS 'The run that archived it; files that gold took later are late for it';
COMMENT ON COLUMN ops.archived_months.archived_at IS 'When';

-- Ids that begin alike and are as long are compared as numbers are, so a range of them tells much.
CREATE TABLE ops.archived_ids (
    month date NOT NULL REFERENCES ops.archived_months ON DELETE CASCADE,
    beginning text NOT NULL,
    length integer NOT NULL,
    low text NOT NULL,
    high text NOT NULL,
    PRIMARY KEY (month, beginning, length)
);

COMMENT ON TABLE ops.archived_ids IS 'One row an archived month, beginning and length of transaction_ids: where its ids lie';
COMMENT ON COLUMN ops.archived_ids.month IS 'First day of the month';
COMMENT ON COLUMN ops.archived_ids.beginning IS 'The ids without their last 6 characters, the first one at least';
COMMENT ON COLUMN ops.archived_ids.length IS 'Their length in characters';
COMMENT ON COLUMN ops.archived_ids.low IS 'The lowest of them';
COMMENT ON COLUMN ops.archived_ids.high IS 'The highest of them';

CREATE FUNCTION ops.gold_starts() RETURNS date
LANGUAGE sql STABLE
RETURN (SELECT (max(a.month) + interval '1 month')::date FROM ops.archived_months AS a);

COMMENT ON FUNCTION ops.gold_starts IS 'The first day that gold can hold lines of; null while no month is archived';

-- A line is scored by the 12 months before its own: where these are archived, it stands as it was.
CREATE FUNCTION ops.scoring_starts() RETURNS date
LANGUAGE sql STABLE
RETURN coalesce((ops.gold_starts() + interval '12 months')::date, '-infinity');

COMMENT ON FUNCTION ops.scoring_starts IS 'The first month whose lines can be scored: the 12 before it are in gold';

CREATE FUNCTION ops.archive_month(p_month date, p_run_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    v_from timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
    v_to timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
    v_buyers bigint[];
BEGIN
    IF EXISTS (SELECT FROM fact_transactions AS f WHERE f.invoice_date < v_from) THEN
        RAISE EXCEPTION 'gold has older months than %', p_month;
    END IF;
    INSERT INTO ops.archived_months (month, lines, units, revenue, run_id)
    SELECT p_month, count(*), coalesce(sum(f.quantity), 0), coalesce(sum(f.total_amount), 0), p_run_id
    FROM fact_transactions AS f
    WHERE f.invoice_date >= v_from AND f.invoice_date < v_to;

    INSERT INTO ops.archived_ids (month, beginning, length, low, high)
    SELECT
        p_month,
        left(f.transaction_id, greatest(length(f.transaction_id) - 6, 1)),
        length(f.transaction_id),
        min(f.transaction_id),
        max(f.transaction_id)
    FROM fact_transactions AS f
    WHERE f.invoice_date >= v_from AND f.invoice_date < v_to
    GROUP BY 2, 3;

    v_buyers := (
        SELECT array_agg(DISTINCT f.customer_sk)
        FROM fact_transactions AS f
        WHERE f.invoice_date >= v_from AND f.invoice_date < v_to AND f.customer_sk <> -1
    );

    -- its triggers take the lines out of the sums
    DELETE FROM fact_transactions AS f
    WHERE f.invoice_date >= v_from AND f.invoice_date < v_to;

    DELETE FROM ops.sales_by_month AS s
    WHERE s.month = p_month;

    DELETE FROM ops.sales_by_day AS s
    WHERE s.day >= v_from::date AND s.day < v_to::date;

    DELETE FROM ops.sales_by_buyer AS s
    WHERE s.customer_sk = any(v_buyers) AND s.lines = 0;

    UPDATE dim_customers AS d
    SET
        first_purchase = g.first_purchase,
        last_purchase = g.last_purchase
    FROM (
        SELECT
            f.customer_sk,
            min(f.invoice_date) AS first_purchase,
            max(f.invoice_date) AS last_purchase
        FROM fact_transactions AS f
        WHERE f.customer_sk = any(v_buyers)
        GROUP BY f.customer_sk
    ) AS g
    WHERE d.customer_sk = g.customer_sk;

    DELETE FROM dim_customers AS d
    WHERE d.customer_sk = any(v_buyers) AND d.last_purchase < v_to;

    DELETE FROM dim_dates AS d
    WHERE d.date >= v_from::date AND d.date < v_to::date;

    DELETE FROM ops.fact_months AS m
    WHERE m.month = p_month;
END
$$;

COMMENT ON FUNCTION ops.archive_month IS 'Takes the oldest month out of gold: lines, sums, days and who bought in no other; its empty partition stays';

CREATE FUNCTION ops.drop_empty_month(p_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_name text := ops.fact_month_name(p_month);
    v_is_filled boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', v_name) INTO v_is_filled;
    IF v_is_filled THEN
        RAISE EXCEPTION 'the month has lines: %', p_month;
    END IF;
    EXECUTE format('DROP TABLE public.%I', v_name);
END
$$;

COMMENT ON FUNCTION ops.drop_empty_month IS 'Drops the partition of a month without lines; readers of the fact wait, and are waited for';

COMMENT ON COLUMN transactions_error.rules IS 'All rules it broke, sorted: archived_month, malformed_row, no_price_in_effect, unknown_country';
COMMENT ON COLUMN dim_customers.first_purchase IS 'Time of the customer''s first invoice line that gold holds (UTC)';
COMMENT ON COLUMN dim_customers.last_purchase IS 'Time of the customer''s last invoice line that gold holds (UTC)';

REVOKE ALL ON FUNCTION ops.gold_starts, ops.scoring_starts, ops.archive_month, ops.drop_empty_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
ops.gold_starts, ops.scoring_starts, ops.archive_month, ops.drop_empty_month
TO warehouse_loader;
GRANT SELECT, DELETE ON ops.archived_months TO warehouse_loader;
GRANT SELECT ON ops.archived_ids TO warehouse_loader;
GRANT SELECT ON ops.archived_months TO warehouse_analyst, warehouse_reader;
