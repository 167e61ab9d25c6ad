-- Purpose: new months of the fact, filled by one statement: made aside as partitions of a table
--          without keys, which sends each line to its month; then each gets its keys and is attached.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.create_fact_months('{2011-01-01,2011-02-01}');
--          INSERT INTO staging.new_months …;
--          SELECT ops.attach_fact_months('{2011-01-01,2011-02-01}');  all in one transaction

CREATE FUNCTION ops.create_fact_months(p_months date[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    v_month date;
BEGIN
    CREATE TABLE staging.new_months (LIKE public.fact_transactions) PARTITION BY RANGE (invoice_date);
    GRANT INSERT ON staging.new_months TO warehouse_loader;
    FOREACH v_month IN ARRAY p_months LOOP
        EXECUTE format(
            'ALTER TABLE staging.new_months ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
            ops.create_fact_month(v_month),
            v_month::timestamp AT TIME ZONE 'UTC',
            (v_month + interval '1 month') AT TIME ZONE 'UTC'
        );
    END LOOP;
END
$$;

COMMENT ON FUNCTION ops.create_fact_months IS 'Makes the tables of months, aside, without keys, behind staging.new_months';

CREATE FUNCTION ops.attach_fact_months(p_months date[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_month date;
BEGIN
    FOREACH v_month IN ARRAY p_months LOOP
        EXECUTE format('ALTER TABLE staging.new_months DETACH PARTITION public.%I', ops.fact_month_name(v_month));
        PERFORM ops.attach_fact_month(v_month);
    END LOOP;
    DROP TABLE staging.new_months;
END
$$;

COMMENT ON FUNCTION ops.attach_fact_months IS 'Gives the tables of new months their keys and makes them partitions; staging.new_months goes';

REVOKE ALL ON FUNCTION ops.create_fact_months, ops.attach_fact_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.create_fact_months, ops.attach_fact_months TO warehouse_loader;
