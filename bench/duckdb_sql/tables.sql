-- Tables without their keys: those come set-wise, when the rows are in.
CREATE TABLE dim_products (
    product_sk bigint NOT NULL,
    stock_code text NOT NULL,
    description text,
    category text,
    unit_price numeric(12, 4) NOT NULL,
    effective_date date NOT NULL,
    end_date date,
    is_current boolean NOT NULL,
    withdrawn boolean NOT NULL,
    next_effective_date date GENERATED ALWAYS AS (
        CASE WHEN withdrawn THEN NULL ELSE end_date END
    ) STORED
);

CREATE TABLE dim_customers (
    customer_sk bigint NOT NULL,
    customer_id text,
    first_purchase timestamptz,
    last_purchase timestamptz
);

CREATE TABLE dim_countries (
    country_sk bigint NOT NULL,
    country_id integer NOT NULL,
    country text NOT NULL,
    iso_code text,
    region text,
    sub_region text
);

CREATE TABLE dim_dates (
    date_sk integer NOT NULL,
    date date NOT NULL,
    year smallint NOT NULL,
    quarter smallint NOT NULL,
    month smallint NOT NULL,
    month_name text NOT NULL,
    day smallint NOT NULL,
    weekday text NOT NULL,
    is_weekend boolean NOT NULL
);

CREATE TABLE transactions_error (
    error_id text NOT NULL,
    transaction_id text,
    raw jsonb NOT NULL,
    rules text [] NOT NULL,
    source_file text NOT NULL,
    source_line integer NOT NULL,
    batch_id bigint NOT NULL DEFAULT 1,
    attempts integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'OPEN',
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE anomaly_baselines (
    stock_code text NOT NULL,
    month date,
    line_count integer NOT NULL,
    median_qty double precision NOT NULL,
    std_deviation double precision NOT NULL,
    is_sufficient boolean NOT NULL,
    batch_id bigint NOT NULL DEFAULT 1,
    computed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE anomalies (
    anomaly_id bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id text NOT NULL,
    order_id text NOT NULL,
    stock_code text NOT NULL,
    quantity integer NOT NULL,
    median_qty double precision NOT NULL,
    std_deviation double precision NOT NULL,
    z_score double precision NOT NULL,
    threshold double precision NOT NULL,
    baseline_month date,
    invoice_date timestamptz NOT NULL,
    alert_timestamp timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'NEW',
    investigator_notes text,
    still_flagged boolean NOT NULL DEFAULT TRUE,
    batch_id bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fact_transactions (
    transaction_id text NOT NULL,
    product_sk bigint NOT NULL,
    customer_sk bigint NOT NULL,
    country_sk bigint NOT NULL,
    date_sk integer NOT NULL,
    invoice_no text NOT NULL,
    invoice_date timestamptz NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(12, 4) NOT NULL,
    total_amount numeric(18, 4) NOT NULL,
    is_return boolean NOT NULL,
    batch_id bigint NOT NULL
) PARTITION BY RANGE (invoice_date);
