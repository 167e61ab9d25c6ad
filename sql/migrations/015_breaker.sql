-- Purpose: the circuit breaker: sales by day, which it asks for, what it found out of range, and
--          which files it holds back; and failed data checks as findings of the mail.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE TABLE ops.sales_by_day (
    day date PRIMARY KEY,
    lines bigint NOT NULL,
    sales numeric(24, 4) NOT NULL,
    returned numeric(24, 4) NOT NULL
);

-- the day under way is updated with every load
ALTER TABLE ops.sales_by_day SET (fillfactor = 70);

COMMENT ON TABLE ops.sales_by_day IS 'One row a day: sums of the fact''s lines; all zero when the last one went';
COMMENT ON COLUMN ops.sales_by_day.day IS 'The day (UTC)';
COMMENT ON COLUMN ops.sales_by_day.lines IS 'Invoice lines, returns included';
COMMENT ON COLUMN ops.sales_by_day.sales IS 'Amount of the lines with a quantity above zero';
COMMENT ON COLUMN ops.sales_by_day.returned IS 'Amount of the returns, as a positive number';

CREATE TABLE ops.breaker_trips (
    trip_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_name text NOT NULL,
    subject text NOT NULL,
    files text[] NOT NULL,
    observed text NOT NULL,
    expected text NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    ended_by bigint REFERENCES ops.runs,
    ended_at timestamptz,
    accepted_by text,
    reason text,
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CHECK ((accepted_by IS NULL) = (reason IS NULL)),
    CHECK (accepted_by IS NULL OR ended_by IS NOT NULL)
);

CREATE UNIQUE INDEX breaker_trips_open ON ops.breaker_trips (check_name, subject)
WHERE ended_by IS NULL;
CREATE INDEX breaker_trips_batch ON ops.breaker_trips (batch_id);

COMMENT ON TABLE ops.breaker_trips IS 'One row a thing that the circuit breaker found out of range: told once, open until it is right or accepted';
COMMENT ON COLUMN ops.breaker_trips.trip_id IS 'Number of the trip';
COMMENT ON COLUMN ops.breaker_trips.check_name IS 'Which check of the load it was';
COMMENT ON COLUMN ops.breaker_trips.subject IS 'SHA-256 of the file, "all new files", or the day and its side, such as "2011-01-18 sales"';
COMMENT ON COLUMN ops.breaker_trips.files IS 'Names of the files that are to blame, the worst first';
COMMENT ON COLUMN ops.breaker_trips.observed IS 'What was found, at the last look';
COMMENT ON COLUMN ops.breaker_trips.expected IS 'What it may be at most';
COMMENT ON COLUMN ops.breaker_trips.batch_id IS 'The load that found it first';
COMMENT ON COLUMN ops.breaker_trips.first_seen IS 'When that was';
COMMENT ON COLUMN ops.breaker_trips.last_seen IS 'When a load last found it so';
COMMENT ON COLUMN ops.breaker_trips.ended_by IS 'The load that found it right, or published it all the same; null while it is open';
COMMENT ON COLUMN ops.breaker_trips.ended_at IS 'When that was';
COMMENT ON COLUMN ops.breaker_trips.accepted_by IS 'Who published it all the same: user@host and process of that run; null when it came right';
COMMENT ON COLUMN ops.breaker_trips.reason IS 'Why, as given to --accept';

CREATE TABLE ops.pending_files (
    file_sha256 text PRIMARY KEY,
    source_file text NOT NULL,
    window_start timestamptz NOT NULL,
    line_count integer NOT NULL,
    malformed integer NOT NULL,
    batch_id bigint NOT NULL REFERENCES ops.runs
);

COMMENT ON TABLE ops.pending_files IS 'One row a transactions file that the circuit breaker keeps out of gold; none when the last load published';
COMMENT ON COLUMN ops.pending_files.file_sha256 IS 'SHA-256 of the file''s bytes';
COMMENT ON COLUMN ops.pending_files.source_file IS 'Name under which it arrived';
COMMENT ON COLUMN ops.pending_files.window_start IS 'Start of its 4-hour window, from its name';
COMMENT ON COLUMN ops.pending_files.line_count IS 'Records in it, bad ones included';
COMMENT ON COLUMN ops.pending_files.malformed IS 'Malformed ones, those left out that another file corrects';
COMMENT ON COLUMN ops.pending_files.batch_id IS 'The load that was stopped last';

-- Lines that one statement wrote or removed: `changed`, counted with the trigger's argument as sign.
CREATE OR REPLACE FUNCTION ops.count_lines() RETURNS trigger
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

    INSERT INTO ops.sales_by_day AS s (day, lines, sales, returned)
    SELECT
        to_date(l.date_sk::text, 'YYYYMMDD'),
        v_sign * count(*),
        v_sign * coalesce(sum(l.total_amount) FILTER (WHERE l.quantity > 0), 0),
        v_sign * coalesce(-sum(l.total_amount) FILTER (WHERE l.quantity < 0), 0)
    FROM changed AS l
    GROUP BY l.date_sk
    ON CONFLICT (day) DO UPDATE SET
        lines = s.lines + excluded.lines,
        sales = s.sales + excluded.sales,
        returned = s.returned + excluded.returned;

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

CREATE FUNCTION ops.count_days(p_from date, p_to date) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM ops.sales_by_day
    WHERE day >= p_from AND day < p_to;

    INSERT INTO ops.sales_by_day (day, lines, sales, returned)
    SELECT
        to_date(l.date_sk::text, 'YYYYMMDD'),
        count(*),
        coalesce(sum(l.total_amount) FILTER (WHERE l.quantity > 0), 0),
        coalesce(-sum(l.total_amount) FILTER (WHERE l.quantity < 0), 0)
    FROM public.fact_transactions AS l
    WHERE
        l.invoice_date >= p_from::timestamp AT TIME ZONE 'UTC'
        AND l.invoice_date < p_to::timestamp AT TIME ZONE 'UTC'
    GROUP BY l.date_sk;
END
$$;

COMMENT ON FUNCTION ops.count_days IS 'Computes the sums by day of a range of days anew; it runs as its callers do, as the owner';

-- ATTACH fires no trigger, so a month that was built aside is counted whole.
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

SELECT ops.count_days('-infinity', 'infinity');

ANALYZE ops.sales_by_day;

ALTER TABLE ops.mail_findings
DROP CONSTRAINT mail_findings_kind_check;

ALTER TABLE ops.mail_findings
ADD CONSTRAINT mail_findings_kind_check CHECK (kind IN ('anomalies', 'errors', 'late', 'held', 'checks'));

COMMENT ON COLUMN ops.mail_findings.kind IS 'anomalies, errors, late (views), held (loads) or checks (that failed)';

COMMENT ON COLUMN ops.checks.severity IS 'fail stops a load before it publishes, and ends check_data with exit code 1; warn is reported';

REVOKE ALL ON FUNCTION ops.count_days FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.breaker_trips, ops.pending_files TO warehouse_loader;
GRANT SELECT ON ops.sales_by_day TO warehouse_loader;
GRANT SELECT ON ops.sales_by_day, ops.breaker_trips, ops.pending_files TO warehouse_analyst, warehouse_reader;
