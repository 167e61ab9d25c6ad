-- Purpose: the first filling of dim_products: rows first, then the keys but for the primary one,
--          each built or checked once for all rows instead of row by row.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.put_product_keys_aside();  where it says true, INSERT INTO dim_products …;
--          SELECT ops.put_product_keys_back();  all in one transaction

CREATE FUNCTION ops.put_product_keys_aside() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
-- someone who reads an empty gold is not waited for long: then the keys stay where they are
SET lock_timeout = '2s'
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.dim_products) THEN
        RETURN FALSE;
    END IF;
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

COMMENT ON FUNCTION ops.put_product_keys_aside IS 'Drops keys of an empty dim_products, not the primary one; whether it did. Readers wait';

CREATE FUNCTION ops.put_product_keys_back() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    ALTER TABLE public.dim_products
    ADD CONSTRAINT dim_products_stock_code_effective_date_key UNIQUE (stock_code, effective_date),
    ADD CONSTRAINT dim_products_stock_code_end_date_key
    UNIQUE NULLS NOT DISTINCT (stock_code, end_date) DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE public.dim_products
    ADD CONSTRAINT dim_products_stock_code_next_effective_date_fkey
    FOREIGN KEY (stock_code, next_effective_date)
    REFERENCES public.dim_products (stock_code, effective_date)
    DEFERRABLE INITIALLY DEFERRED;
    CREATE INDEX dim_products_start ON public.dim_products (effective_date);
END
$$;

COMMENT ON FUNCTION ops.put_product_keys_back IS 'Gives dim_products the keys that put_product_keys_aside dropped';

REVOKE ALL ON FUNCTION ops.put_product_keys_aside, ops.put_product_keys_back FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.put_product_keys_aside, ops.put_product_keys_back TO warehouse_loader;
