-- Purpose: the sums of months built aside, computed by more than one process: what CREATE TABLE AS
--          reads is shared, what INSERT reads is not.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE OR REPLACE FUNCTION ops.count_days(p_from date, p_to date) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    CREATE TEMP TABLE counted ON COMMIT DROP AS
    SELECT
        l.date_sk,
        count(*) AS lines,
        coalesce(sum(l.total_amount) FILTER (WHERE l.quantity > 0), 0) AS sales,
        coalesce(-sum(l.total_amount) FILTER (WHERE l.quantity < 0), 0) AS returned
    FROM public.fact_transactions AS l
    WHERE
        l.invoice_date >= p_from::timestamp AT TIME ZONE 'UTC'
        AND l.invoice_date < p_to::timestamp AT TIME ZONE 'UTC'
    GROUP BY l.date_sk;

    DELETE FROM ops.sales_by_day
    WHERE day >= p_from AND day < p_to;

    INSERT INTO ops.sales_by_day (day, lines, sales, returned)
    SELECT
        to_date(c.date_sk::text, 'YYYYMMDD'),
        c.lines,
        c.sales,
        c.returned
    FROM pg_temp.counted AS c;

    DROP TABLE pg_temp.counted;
END
$$;

CREATE OR REPLACE FUNCTION ops.count_months(p_from timestamptz, p_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
-- Postgres takes the groups for many more than they are: it would sort the lines for them, and
-- would not share them.
SET enable_sort = off
SET parallel_tuple_cost = 0
-- each process its own: shared ones need more than a container's usual /dev/shm
SET enable_parallel_hash = off
AS $$
BEGIN
    PERFORM ops.count_days(p_from::date, p_to::date);

    CREATE TEMP TABLE counted ON COMMIT DROP AS
    SELECT
        l.date_sk / 100 AS yyyymm,
        p.stock_code,
        p.category,
        count(*) AS lines,
        count(*) FILTER (WHERE l.quantity > 0) AS sales_lines,
        sum(l.quantity) AS units,
        sum(l.total_amount) AS revenue
    FROM public.fact_transactions AS l
    INNER JOIN public.dim_products AS p ON l.product_sk = p.product_sk
    WHERE l.invoice_date >= p_from AND l.invoice_date < p_to
    GROUP BY l.date_sk / 100, p.stock_code, p.category;

    DELETE FROM ops.sales_by_month
    WHERE month >= p_from::date AND month < p_to::date;

    INSERT INTO ops.sales_by_month (month, stock_code, category, lines, sales_lines, units, revenue)
    SELECT
        make_date(c.yyyymm / 100, c.yyyymm % 100, 1),
        c.stock_code,
        c.category,
        c.lines,
        c.sales_lines,
        c.units,
        c.revenue
    FROM pg_temp.counted AS c;

    DROP TABLE pg_temp.counted;

    CREATE TEMP TABLE counted ON COMMIT DROP AS
    SELECT
        l.customer_sk,
        l.country_sk,
        count(*) AS lines,
        sum(l.total_amount) AS revenue
    FROM public.fact_transactions AS l
    WHERE l.invoice_date >= p_from AND l.invoice_date < p_to AND l.customer_sk <> -1
    GROUP BY l.customer_sk, l.country_sk;

    INSERT INTO ops.sales_by_buyer AS s (customer_sk, country_sk, lines, revenue)
    SELECT
        c.customer_sk,
        c.country_sk,
        c.lines,
        c.revenue
    FROM pg_temp.counted AS c
    ON CONFLICT (customer_sk, country_sk) DO UPDATE SET
        lines = s.lines + excluded.lines,
        revenue = s.revenue + excluded.revenue;

    DROP TABLE pg_temp.counted;
END
$$;
