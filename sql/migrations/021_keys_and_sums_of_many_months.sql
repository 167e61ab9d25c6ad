-- Purpose: of a backfill of years, the keys and sums of its months in less time: a month's product
--          versions are looked up, where a hash table of all would take longer, and lines are
--          added up by product at once, not by version first.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

-- It runs as its caller does, as the owner. ATTACH takes a key that is there for its own.
CREATE FUNCTION ops.look_up_products(p_month date) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE public.%I ADD CONSTRAINT fact_transactions_product_sk_fkey '
        'FOREIGN KEY (product_sk) REFERENCES public.dim_products',
        ops.fact_month_name(p_month)
    );
END
$$;

COMMENT ON FUNCTION ops.look_up_products IS 'Gives the table of a month its key to products, each line''s version looked up by its index';

CREATE OR REPLACE FUNCTION ops.key_fact_month(p_month date) RETURNS void
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
    EXECUTE format('ANALYZE public.%I', v_name);
    -- to look a line's version up takes as long as to hash some ten
    IF (
        SELECT m.reltuples * 10 < p.reltuples
        FROM pg_class AS m
        CROSS JOIN pg_class AS p
        WHERE m.oid = format('public.%I', v_name)::regclass AND p.oid = 'public.dim_products'::regclass
    ) THEN
        PERFORM ops.look_up_products(p_month);
    END IF;
    EXECUTE format(
        'ALTER TABLE public.fact_transactions ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        v_name, v_from, v_to
    );
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', v_name, v_name || '_bounds');
    EXECUTE format('REVOKE ALL ON public.%I FROM warehouse_loader', v_name);
END
$$;

CREATE OR REPLACE FUNCTION ops.count_months(p_from timestamptz, p_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
    PERFORM ops.count_days(p_from::date, p_to::date);

    DELETE FROM ops.sales_by_month
    WHERE month >= p_from::date AND month < p_to::date;

    INSERT INTO ops.sales_by_month (month, stock_code, category, lines, sales_lines, units, revenue)
    SELECT
        make_date(l.date_sk / 100 / 100, l.date_sk / 100 % 100, 1),
        p.stock_code,
        p.category,
        count(*),
        count(*) FILTER (WHERE l.quantity > 0),
        sum(l.quantity),
        sum(l.total_amount)
    FROM public.fact_transactions AS l
    INNER JOIN public.dim_products AS p ON l.product_sk = p.product_sk
    WHERE l.invoice_date >= p_from AND l.invoice_date < p_to
    GROUP BY l.date_sk / 100, p.stock_code, p.category;

    INSERT INTO ops.sales_by_buyer AS s (customer_sk, country_sk, lines, revenue)
    SELECT
        l.customer_sk,
        l.country_sk,
        count(*),
        sum(l.total_amount)
    FROM public.fact_transactions AS l
    WHERE l.invoice_date >= p_from AND l.invoice_date < p_to AND l.customer_sk <> -1
    GROUP BY 1, 2
    ON CONFLICT (customer_sk, country_sk) DO UPDATE SET
        lines = s.lines + excluded.lines,
        revenue = s.revenue + excluded.revenue;
END
$$;

REVOKE ALL ON FUNCTION ops.look_up_products FROM PUBLIC;
