-- Purpose: months that were built aside are added to the sums together: each alone would read all
--          product versions once more.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

-- What attach_fact_month did, but for the sums. It runs as its callers do, as the owner.
CREATE FUNCTION ops.key_fact_month(p_month date) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET timezone = 'UTC'
-- a tenth of the usual sample: ANALYZE was a third of all this
SET default_statistics_target = 10
AS $$
DECLARE
    v_name text := ops.fact_month_name(p_month);
    v_from timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
    v_to timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    EXECUTE format(
        'ALTER TABLE public.%1$I '
        'ADD PRIMARY KEY (transaction_id, invoice_date), '
        'ADD CONSTRAINT %2$I CHECK (invoice_date >= %3$L AND invoice_date < %4$L), '
        'ADD CONSTRAINT %5$I CHECK (date_sk BETWEEN %6$s AND %7$s)',
        v_name, v_name || '_bounds', v_from, v_to,
        v_name || '_days', to_char(v_from, 'YYYYMMDD'), to_char(v_to - interval '1 day', 'YYYYMMDD')
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

COMMENT ON FUNCTION ops.key_fact_month IS 'Gives the table of a month its keys and makes it a partition; the sums lack it still';

CREATE OR REPLACE FUNCTION ops.attach_fact_month(p_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
    PERFORM ops.key_fact_month(p_month);
    PERFORM ops.count_months(
        p_month::timestamp AT TIME ZONE 'UTC', (p_month + interval '1 month') AT TIME ZONE 'UTC'
    );
END
$$;

CREATE OR REPLACE FUNCTION ops.attach_fact_months(p_months date[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    v_month date;
    v_first date;
    v_past date;
BEGIN
    FOREACH v_month IN ARRAY p_months LOOP
        EXECUTE format('ALTER TABLE staging.new_months DETACH PARTITION public.%I', ops.fact_month_name(v_month));
        PERFORM ops.key_fact_month(v_month);
    END LOOP;
    DROP TABLE staging.new_months;

    -- once for months that follow each other; what lies between others is counted already
    FOR v_first, v_past IN
        SELECT
            min(m.month) AS first_month,
            (max(m.month) + interval '1 month')::date AS past
        FROM (
            SELECT
                n.month,
                n.month - make_interval(months => row_number() OVER (ORDER BY n.month)::integer) AS stretch
            FROM unnest(p_months) AS n (month)
        ) AS m
        GROUP BY m.stretch
    LOOP
        PERFORM ops.count_months(v_first::timestamp AT TIME ZONE 'UTC', v_past::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ops.key_fact_month FROM PUBLIC;
