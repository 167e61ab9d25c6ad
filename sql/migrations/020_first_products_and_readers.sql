-- Purpose: the first filling of dim_products locks the fact with it: a reader of both waited for
--          dim_products, the load for the fact, and Postgres ended the reader as a deadlock.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE OR REPLACE FUNCTION ops.put_product_keys_aside() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
-- someone who reads an empty gold is not waited for: then the keys stay where they are. It is less
-- than deadlock_timeout, so that who has one of the two tables and waits for the other goes on
SET lock_timeout = '500ms'
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.dim_products) THEN
        RETURN FALSE;
    END IF;
    LOCK TABLE ONLY public.fact_transactions, public.dim_products IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE public.dim_products
    DROP CONSTRAINT dim_products_stock_code_next_effective_date_fkey,
    DROP CONSTRAINT dim_products_stock_code_effective_date_key,
    DROP CONSTRAINT dim_products_stock_code_end_date_key;
    DROP INDEX public.dim_products_start;
    RETURN TRUE;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN FALSE;
END
$$;

COMMENT ON FUNCTION ops.put_product_keys_aside IS 'Drops keys of an empty dim_products, not the primary one; whether it did. Its readers and the fact''s wait';
