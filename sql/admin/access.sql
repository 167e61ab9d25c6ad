-- Purpose: who may connect to gold, and what every session of theirs starts with.
-- Run by:  scripts/run_setup.sh, as the administrator, on the gold database
-- Again:   harmless

DO $$
DECLARE
    v_db CONSTANT text := current_database();
    v_role text;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', v_db);
    FOREACH v_role IN ARRAY ARRAY['warehouse_owner', 'warehouse_loader'] LOOP
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', v_db, v_role);
    END LOOP;
    -- The loader makes what it likes in staging: a function there must not run as the owner because
    -- the owner called another of that name.
    EXECUTE format('ALTER ROLE warehouse_owner IN DATABASE %I SET search_path = public, ops, pg_temp', v_db);
    EXECUTE format('ALTER ROLE warehouse_loader IN DATABASE %I SET search_path = public, ops, staging, pg_temp', v_db);
    FOREACH v_role IN ARRAY ARRAY['warehouse_analyst', 'warehouse_reader', 'customer_reader'] LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', v_db, v_role);
        EXECUTE format(
            'ALTER ROLE %I IN DATABASE %I SET search_path = public, pg_temp', v_role, v_db
        );
        -- Else a query that is planned before a month is attached, and begins to read after,
        -- misses that month alone (docs/adr/0034).
        EXECUTE format(
            'ALTER ROLE %I IN DATABASE %I SET default_transaction_isolation = %L',
            v_role, v_db, 'repeatable read'
        );
    END LOOP;
    FOREACH v_role IN ARRAY ARRAY[
        'warehouse_owner',
        'warehouse_loader',
        'warehouse_analyst',
        'warehouse_reader',
        'customer_reader'
    ] LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET timezone = ''UTC''', v_role, v_db);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
END
$$;
