-- Purpose: sums of the fact by month and product, and by buyer, which Postgres itself keeps right
--          as lines come and go: the views that no filter prunes read a few rows, not all lines.
--          And each month's days as a CHECK, so that a filter on date_sk prunes like one on invoice_date.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)
-- Use:     SELECT ops.rebuild_sums();  after a hand has touched partitions: a forced load does it too

CREATE TABLE ops.sales_by_month (
    month date NOT NULL,
    stock_code text NOT NULL,
    category text,
    lines bigint NOT NULL,
    sales_lines bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(24, 4) NOT NULL,
    UNIQUE NULLS NOT DISTINCT (month, stock_code, category)
);

-- the month under way is updated with every load
ALTER TABLE ops.sales_by_month SET (fillfactor = 70);

COMMENT ON TABLE ops.sales_by_month IS 'One row a month, product and category: sums of the fact''s lines; all zero when the last one went';
COMMENT ON COLUMN ops.sales_by_month.month IS 'First day of the month (UTC)';
COMMENT ON COLUMN ops.sales_by_month.stock_code IS 'The product';
COMMENT ON COLUMN ops.sales_by_month.category IS 'Category of the product version that was in effect';
COMMENT ON COLUMN ops.sales_by_month.lines IS 'Invoice lines, returns included';
COMMENT ON COLUMN ops.sales_by_month.sales_lines IS 'Invoice lines with a quantity above zero';
COMMENT ON COLUMN ops.sales_by_month.units IS 'Units net of returns';
COMMENT ON COLUMN ops.sales_by_month.revenue IS 'Revenue net of returns';

CREATE TABLE ops.sales_by_buyer (
    customer_sk bigint NOT NULL,
    country_sk bigint NOT NULL,
    lines bigint NOT NULL,
    revenue numeric(24, 4) NOT NULL,
    PRIMARY KEY (customer_sk, country_sk)
);

ALTER TABLE ops.sales_by_buyer SET (fillfactor = 70);

COMMENT ON TABLE ops.sales_by_buyer IS 'One row a customer and country: sums of the fact''s lines, guests out; all zero when the last one went';
COMMENT ON COLUMN ops.sales_by_buyer.customer_sk IS 'The customer';
COMMENT ON COLUMN ops.sales_by_buyer.country_sk IS 'The country of the customer on these lines';
COMMENT ON COLUMN ops.sales_by_buyer.lines IS 'Invoice lines, returns included';
COMMENT ON COLUMN ops.sales_by_buyer.revenue IS 'Revenue net of returns';

-- Lines that one statement wrote or removed: `changed`, counted with the trigger's argument as sign.
CREATE FUNCTION ops.count_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_sign integer := tg_argv[0];
BEGIN
    INSERT INTO ops.sales_by_month AS s (month, stock_code, category, lines, sales_lines, units, revenue)
    WITH summed AS (
        SELECT
            l.date_sk / 100 AS yyyymm,
            l.product_sk,
            count(*) AS lines,
            count(*) FILTER (WHERE l.quantity > 0) AS sales_lines,
            sum(l.quantity) AS units,
            sum(l.total_amount) AS revenue
        FROM changed AS l
        GROUP BY 1, 2
    )

    SELECT
        make_date(m.yyyymm / 100, m.yyyymm % 100, 1),
        p.stock_code,
        p.category,
        v_sign * sum(m.lines),
        v_sign * sum(m.sales_lines),
        v_sign * sum(m.units),
        v_sign * sum(m.revenue)
    FROM summed AS m
    INNER JOIN public.dim_products AS p ON m.product_sk = p.product_sk
    GROUP BY 1, 2, 3
    ON CONFLICT (month, stock_code, category) DO UPDATE SET
        lines = s.lines + excluded.lines,
        sales_lines = s.sales_lines + excluded.sales_lines,
        units = s.units + excluded.units,
        revenue = s.revenue + excluded.revenue;

    INSERT INTO ops.sales_by_buyer AS s (customer_sk, country_sk, lines, revenue)
    SELECT
        l.customer_sk,
        l.country_sk,
        v_sign * count(*),
        v_sign * sum(l.total_amount)
    FROM changed AS l
    WHERE l.customer_sk <> -1
    GROUP BY 1, 2
    ON CONFLICT (customer_sk, country_sk) DO UPDATE SET
        lines = s.lines + excluded.lines,
        revenue = s.revenue + excluded.revenue;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION ops.count_lines IS 'Adds the lines that a statement changed to the sums, or takes them away';

CREATE TRIGGER count_inserted
AFTER INSERT ON fact_transactions
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION ops.count_lines('1');

CREATE TRIGGER count_deleted
AFTER DELETE ON fact_transactions
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION ops.count_lines('-1');

CREATE TRIGGER count_updated_from
AFTER UPDATE ON fact_transactions
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION ops.count_lines('-1');

CREATE TRIGGER count_updated_to
AFTER UPDATE ON fact_transactions
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION ops.count_lines('1');

-- A version that is corrected to another category takes its lines along.
CREATE FUNCTION ops.move_category() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- most updates of versions only end them: the fact must not be read for these
    IF NOT EXISTS (
        SELECT b.product_sk, b.stock_code, b.category FROM before AS b
        EXCEPT
        SELECT a.product_sk, a.stock_code, a.category FROM after AS a
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO ops.sales_by_month AS s (month, stock_code, category, lines, sales_lines, units, revenue)
    WITH moved AS (
        (
            SELECT b.product_sk, b.stock_code, b.category, -1 AS sign FROM before AS b
            EXCEPT
            SELECT a.product_sk, a.stock_code, a.category, -1 AS sign FROM after AS a
        )
        UNION ALL
        (
            SELECT a.product_sk, a.stock_code, a.category, 1 AS sign FROM after AS a
            EXCEPT
            SELECT b.product_sk, b.stock_code, b.category, 1 AS sign FROM before AS b
        )
    ),

    summed AS (
        SELECT
            l.date_sk / 100 AS yyyymm,
            l.product_sk,
            count(*) AS lines,
            count(*) FILTER (WHERE l.quantity > 0) AS sales_lines,
            sum(l.quantity) AS units,
            sum(l.total_amount) AS revenue
        FROM public.fact_transactions AS l
        INNER JOIN moved AS m ON l.product_sk = m.product_sk AND m.sign = 1
        GROUP BY 1, 2
    )

    SELECT
        make_date(l.yyyymm / 100, l.yyyymm % 100, 1),
        m.stock_code,
        m.category,
        sum(m.sign * l.lines),
        sum(m.sign * l.sales_lines),
        sum(m.sign * l.units),
        sum(m.sign * l.revenue)
    FROM summed AS l
    INNER JOIN moved AS m ON l.product_sk = m.product_sk
    GROUP BY 1, 2, 3
    ON CONFLICT (month, stock_code, category) DO UPDATE SET
        lines = s.lines + excluded.lines,
        sales_lines = s.sales_lines + excluded.sales_lines,
        units = s.units + excluded.units,
        revenue = s.revenue + excluded.revenue;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION ops.move_category IS 'Moves the sums of product versions whose category was corrected';

CREATE TRIGGER move_category
AFTER UPDATE ON dim_products
REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION ops.move_category();

-- ATTACH fires no trigger, so a month that was built aside is counted whole.
CREATE FUNCTION ops.count_months(p_from timestamptz, p_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
    DELETE FROM ops.sales_by_month
    WHERE month >= p_from::date AND month < p_to::date;

    INSERT INTO ops.sales_by_month (month, stock_code, category, lines, sales_lines, units, revenue)
    WITH summed AS (
        SELECT
            l.date_sk / 100 AS yyyymm,
            l.product_sk,
            count(*) AS lines,
            count(*) FILTER (WHERE l.quantity > 0) AS sales_lines,
            sum(l.quantity) AS units,
            sum(l.total_amount) AS revenue
        FROM public.fact_transactions AS l
        WHERE l.invoice_date >= p_from AND l.invoice_date < p_to
        GROUP BY 1, 2
    )

    SELECT
        make_date(m.yyyymm / 100, m.yyyymm % 100, 1),
        p.stock_code,
        p.category,
        sum(m.lines),
        sum(m.sales_lines),
        sum(m.units),
        sum(m.revenue)
    FROM summed AS m
    INNER JOIN public.dim_products AS p ON m.product_sk = p.product_sk
    GROUP BY 1, 2, 3;

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

COMMENT ON FUNCTION ops.count_months IS 'Adds months that have just become part of the fact to the sums';

CREATE FUNCTION ops.rebuild_sums() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM ops.sales_by_buyer;
    PERFORM ops.count_months('-infinity', 'infinity');
END
$$;

COMMENT ON FUNCTION ops.rebuild_sums IS 'Computes the sums anew from all lines of the fact';

CREATE OR REPLACE FUNCTION ops.attach_fact_month(p_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
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
    PERFORM ops.count_months(v_from, v_to);
END
$$;

-- months that are there already
DO $$
DECLARE
    v_name text;
    v_month date;
BEGIN
    FOR v_name IN
        SELECT c.relname
        FROM pg_catalog.pg_inherits AS i
        INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = 'public.fact_transactions'::regclass
    LOOP
        v_month := to_date(right(v_name, 7), 'YYYY_MM');
        EXECUTE format(
            'ALTER TABLE public.%I ADD CONSTRAINT %I CHECK (date_sk BETWEEN %s AND %s)',
            v_name, v_name || '_days', to_char(v_month, 'YYYYMMDD'),
            to_char(v_month + interval '1 month' - interval '1 day', 'YYYYMMDD')
        );
    END LOOP;
END
$$;

SELECT ops.rebuild_sums();

ANALYZE ops.sales_by_month, ops.sales_by_buyer;

-- Replaced, not dropped: columns, comments and grants stay.
CREATE OR REPLACE VIEW v_top_buyers_by_region AS
WITH revenue_by_customer AS (
    SELECT
        c.region,
        b.customer_id,
        sum(s.revenue) AS revenue
    FROM ops.sales_by_buyer AS s
    INNER JOIN dim_customers AS b ON s.customer_sk = b.customer_sk
    INNER JOIN dim_countries AS c ON s.country_sk = c.country_sk
    WHERE s.lines > 0
    GROUP BY c.region, b.customer_id
),

ranked AS (
    SELECT
        r.region,
        row_number() OVER (
            PARTITION BY r.region ORDER BY r.revenue DESC, r.customer_id COLLATE "C" ASC
        ) AS rank,
        r.customer_id,
        r.revenue
    FROM revenue_by_customer AS r
)

SELECT
    k.region,
    k.rank,
    k.customer_id,
    k.revenue
FROM ranked AS k
WHERE k.rank <= 10;

CREATE OR REPLACE VIEW v_sales_by_category AS
SELECT
    s.category,
    sum(s.revenue) AS revenue,
    sum(s.units)::bigint AS units
FROM ops.sales_by_month AS s
WHERE s.lines > 0
GROUP BY s.category;

CREATE OR REPLACE VIEW v_revenue_by_month AS
SELECT
    s.month,
    sum(s.revenue) AS revenue,
    sum(s.lines)::bigint AS lines,
    sum(s.units)::bigint AS units
FROM ops.sales_by_month AS s
WHERE s.lines > 0
GROUP BY s.month;

-- A home's baselines are by month or of the whole history, never both.
CREATE OR REPLACE VIEW v_anomaly_coverage AS
WITH flagged AS (
    SELECT
        date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date AS month,
        count(*) AS lines
    FROM anomalies AS a
    WHERE a.still_flagged
    GROUP BY date_trunc('month', a.invoice_date AT TIME ZONE 'UTC')::date
),

covered AS (
    SELECT
        s.month,
        sum(s.sales_lines)::bigint AS sales_lines,
        coalesce(
            sum(s.sales_lines) FILTER (WHERE b.stock_code IS NOT NULL OR w.stock_code IS NOT NULL), 0
        )::bigint AS scored
    FROM ops.sales_by_month AS s
    LEFT JOIN anomaly_baselines AS b
        ON s.stock_code = b.stock_code AND s.month = b.month AND b.is_sufficient
    LEFT JOIN anomaly_baselines AS w
        ON s.stock_code = w.stock_code AND w.month IS NULL AND w.is_sufficient
    WHERE s.sales_lines > 0
    GROUP BY s.month
)

SELECT
    c.month,
    c.sales_lines,
    c.scored,
    c.sales_lines - c.scored AS unscored,
    coalesce(g.lines, 0) AS flagged
FROM covered AS c
LEFT JOIN flagged AS g ON c.month = g.month;

REVOKE ALL ON FUNCTION ops.count_lines, ops.move_category, ops.count_months, ops.rebuild_sums FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.rebuild_sums TO warehouse_loader;
GRANT SELECT ON ops.sales_by_month, ops.sales_by_buyer
TO warehouse_loader, warehouse_analyst, warehouse_reader;
