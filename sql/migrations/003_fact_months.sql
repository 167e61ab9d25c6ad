-- Purpose: months of the fact, made and attached by the owner on the loader's behalf.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.create_fact_month('2011-01-01');  then INSERT into the table it names
--          SELECT ops.attach_fact_month('2011-01-01');  keys set-wise, then ATTACH

CREATE FUNCTION ops.fact_month_name(p_month date) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN 'fact_transactions_' || to_char(p_month::timestamp, 'YYYY_MM');

COMMENT ON FUNCTION ops.fact_month_name IS 'Name of the partition that holds a month';

CREATE FUNCTION ops.create_fact_month(p_month date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_name text := ops.fact_month_name(p_month);
BEGIN
    IF p_month IS DISTINCT FROM date_trunc('month', p_month)::date THEN
        RAISE EXCEPTION 'not the first day of a month: %', p_month;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.fact_transactions INCLUDING COMMENTS)', v_name);
    EXECUTE format('COMMENT ON TABLE public.%I IS %L', v_name, 'Fact lines of ' || to_char(p_month, 'YYYY-MM') || ' (UTC)');
    EXECUTE format('GRANT SELECT, INSERT ON public.%I TO warehouse_loader', v_name);
    RETURN v_name;
END
$$;

COMMENT ON FUNCTION ops.create_fact_month IS 'Makes the table of a month, aside, without keys; returns its name';

-- The foreign keys come with ATTACH, which makes and checks them set-wise. Keys of the month's own
-- would be merged into the fact's by dropping triggers of the dimensions, under a lock that
-- readers wait for until the load commits.
CREATE FUNCTION ops.attach_fact_month(p_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    v_name text := ops.fact_month_name(p_month);
    v_from timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
    v_to timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    EXECUTE format(
        'ALTER TABLE public.%1$I '
        'ADD PRIMARY KEY (transaction_id, invoice_date), '
        'ADD CONSTRAINT %2$I CHECK (invoice_date >= %3$L AND invoice_date < %4$L)',
        v_name, v_name || '_bounds', v_from, v_to
    );
    EXECUTE format('CREATE INDEX ON public.%I (product_sk)', v_name);
    EXECUTE format('CREATE INDEX ON public.%I (customer_sk) WHERE customer_sk <> -1', v_name);
    EXECUTE format(
        'ALTER TABLE public.fact_transactions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        v_name, v_from, v_to
    );
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', v_name, v_name || '_bounds');
    EXECUTE format('REVOKE ALL ON public.%I FROM warehouse_loader', v_name);
    EXECUTE format('ANALYZE public.%I', v_name);
END
$$;

COMMENT ON FUNCTION ops.attach_fact_month IS 'Gives the table of a month its keys and makes it a partition';

CREATE FUNCTION ops.drop_run_staging(p_table text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF p_table !~ '^[a-z]+_[0-9]+$' THEN
        RAISE EXCEPTION 'not a staging table: %', p_table;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS staging.%I', p_table);
END
$$;

COMMENT ON FUNCTION ops.drop_run_staging IS 'Drops a staging table that a dead run left behind';

REVOKE ALL ON FUNCTION ops.create_fact_month, ops.attach_fact_month, ops.drop_run_staging FROM PUBLIC;
