-- Purpose: the log-in roles; their passwords are set from the settings afterwards.
-- Run by:  scripts/run_setup.sh, as the administrator, on the database postgres
-- Again:   harmless, existing roles are set back to these attributes

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY[
        'warehouse_owner',
        'warehouse_loader',
        'warehouse_analyst',
        'warehouse_reader',
        'customer_reader'
    ] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I', v_role);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', v_role);
    END LOOP;
END
$$;
