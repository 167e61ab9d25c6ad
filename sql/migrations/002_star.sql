-- Purpose: the star schema and the error table that the split stream feeds.
-- Run by:  scripts/run_setup.sh (role warehouse_owner, one transaction a file)

CREATE TABLE dim_products (
    product_sk bigint PRIMARY KEY,
    stock_code text NOT NULL,
    description text,
    category text,
    unit_price numeric(12, 4) NOT NULL CHECK (unit_price >= 0),
    effective_date date NOT NULL,
    end_date date,
    is_current boolean NOT NULL,
    withdrawn boolean NOT NULL,
    next_effective_date date GENERATED ALWAYS AS (
        CASE WHEN withdrawn THEN NULL ELSE end_date END
    ) STORED,
    UNIQUE (stock_code, effective_date),
    UNIQUE NULLS NOT DISTINCT (stock_code, end_date) DEFERRABLE INITIALLY DEFERRED,
    CHECK (end_date > effective_date),
    CHECK (is_current = (end_date IS NULL)),
    CHECK (NOT withdrawn OR end_date IS NOT NULL),
    FOREIGN KEY (stock_code, next_effective_date)
    REFERENCES dim_products (stock_code, effective_date)
    DEFERRABLE INITIALLY DEFERRED
);

COMMENT ON TABLE dim_products IS 'One row a version of a product (SCD type 2), in effect in the half-open range [effective_date, end_date)';
COMMENT ON COLUMN dim_products.product_sk IS 'Surrogate key: first 15 hex digits of SHA-256(stock_code|effective_date)';
COMMENT ON COLUMN dim_products.stock_code IS 'The shop''s product code, upper case';
COMMENT ON COLUMN dim_products.description IS 'Name of the product';
COMMENT ON COLUMN dim_products.category IS 'Product category';
COMMENT ON COLUMN dim_products.unit_price IS 'List price of one unit';
COMMENT ON COLUMN dim_products.effective_date IS 'First day on which this version is in effect';
COMMENT ON COLUMN dim_products.end_date IS 'First day on which it no longer is; null for the current version';
COMMENT ON COLUMN dim_products.is_current IS 'Whether this is the latest version and not withdrawn';
COMMENT ON COLUMN dim_products.withdrawn IS 'Whether the version ended because the product left the price list';
COMMENT ON COLUMN dim_products.next_effective_date IS 'Start of the next version; null when there is none or this one was withdrawn';

CREATE TABLE dim_customers (
    customer_sk bigint PRIMARY KEY,
    customer_id text UNIQUE,
    first_purchase timestamptz,
    last_purchase timestamptz,
    CHECK ((customer_sk = -1) = (customer_id IS NULL))
);

COMMENT ON TABLE dim_customers IS 'One row a customer with a fact line, and the unknown member -1 for guests';
COMMENT ON COLUMN dim_customers.customer_sk IS 'Surrogate key: first 15 hex digits of SHA-256(customer_id); -1 for guests';
COMMENT ON COLUMN dim_customers.customer_id IS 'The shop''s customer number; null for guests';
COMMENT ON COLUMN dim_customers.first_purchase IS 'Time of the customer''s first invoice line (UTC)';
COMMENT ON COLUMN dim_customers.last_purchase IS 'Time of the customer''s last invoice line (UTC)';

INSERT INTO dim_customers (customer_sk) VALUES (-1);

CREATE TABLE dim_countries (
    country_sk bigint PRIMARY KEY,
    country_id integer NOT NULL UNIQUE,
    country text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
    iso_code text,
    region text,
    sub_region text,
    CHECK (country_sk = country_id)
);

COMMENT ON TABLE dim_countries IS 'One row a country (SCD type 0: the first value stays)';
COMMENT ON COLUMN dim_countries.country_sk IS 'Surrogate key, equal to country_id';
COMMENT ON COLUMN dim_countries.country_id IS 'UN numeric code';
COMMENT ON COLUMN dim_countries.country IS 'Name, as the shop writes it';
COMMENT ON COLUMN dim_countries.iso_code IS 'ISO 3166-1 alpha-2 code';
COMMENT ON COLUMN dim_countries.region IS 'UN M49 region';
COMMENT ON COLUMN dim_countries.sub_region IS 'UN M49 sub-region';

CREATE TABLE dim_dates (
    date_sk integer PRIMARY KEY,
    date date NOT NULL UNIQUE,
    year smallint NOT NULL,
    quarter smallint NOT NULL,
    month smallint NOT NULL,
    month_name text NOT NULL,
    day smallint NOT NULL,
    weekday text NOT NULL,
    is_weekend boolean NOT NULL
);

COMMENT ON TABLE dim_dates IS 'One row a day (UTC) of each month that has a fact line';
COMMENT ON COLUMN dim_dates.date_sk IS 'Surrogate key: yyyymmdd';
COMMENT ON COLUMN dim_dates.date IS 'The day';
COMMENT ON COLUMN dim_dates.year IS 'Year';
COMMENT ON COLUMN dim_dates.quarter IS 'Quarter, 1 to 4';
COMMENT ON COLUMN dim_dates.month IS 'Month, 1 to 12';
COMMENT ON COLUMN dim_dates.month_name IS 'English name of the month';
COMMENT ON COLUMN dim_dates.day IS 'Day of the month';
COMMENT ON COLUMN dim_dates.weekday IS 'English name of the weekday';
COMMENT ON COLUMN dim_dates.is_weekend IS 'Saturday or Sunday';

CREATE TABLE fact_transactions (
    transaction_id text NOT NULL,
    product_sk bigint NOT NULL REFERENCES dim_products,
    customer_sk bigint NOT NULL REFERENCES dim_customers,
    country_sk bigint NOT NULL REFERENCES dim_countries,
    date_sk integer NOT NULL REFERENCES dim_dates,
    invoice_no text NOT NULL,
    invoice_date timestamptz NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(12, 4) NOT NULL,
    total_amount numeric(18, 4) NOT NULL,
    is_return boolean NOT NULL,
    batch_id bigint NOT NULL,
    file_key bigint NOT NULL,
    source_line integer NOT NULL,
    PRIMARY KEY (transaction_id, invoice_date)
) PARTITION BY RANGE (invoice_date);

CREATE INDEX fact_transactions_product ON fact_transactions (product_sk);
CREATE INDEX fact_transactions_customer ON fact_transactions (customer_sk)
WHERE customer_sk <> -1;

COMMENT ON TABLE fact_transactions IS 'One row an invoice line, priced by the version in effect on its day; one partition a month (UTC)';
COMMENT ON COLUMN fact_transactions.transaction_id IS '<invoice_no>-<line_no>';
COMMENT ON COLUMN fact_transactions.product_sk IS 'The product version in effect on the day of the line';
COMMENT ON COLUMN fact_transactions.customer_sk IS 'The customer; -1 for guests';
COMMENT ON COLUMN fact_transactions.country_sk IS 'The country of the customer';
COMMENT ON COLUMN fact_transactions.date_sk IS 'The day of the line (UTC), yyyymmdd';
COMMENT ON COLUMN fact_transactions.invoice_no IS 'The invoice';
COMMENT ON COLUMN fact_transactions.invoice_date IS 'Time of the invoice (UTC)';
COMMENT ON COLUMN fact_transactions.quantity IS 'Units; negative for a return';
COMMENT ON COLUMN fact_transactions.unit_price IS 'List price of one unit on that day';
COMMENT ON COLUMN fact_transactions.total_amount IS 'quantity x unit_price; negative for a return';
COMMENT ON COLUMN fact_transactions.is_return IS 'quantity < 0';
COMMENT ON COLUMN fact_transactions.batch_id IS 'The run (ops.runs) that last wrote the line';
COMMENT ON COLUMN fact_transactions.file_key IS 'The file it came from (ops.loaded_files)';
COMMENT ON COLUMN fact_transactions.source_line IS 'The line of that file; the header is line 1';

CREATE TABLE transactions_error (
    error_id text PRIMARY KEY,
    transaction_id text,
    raw jsonb NOT NULL,
    rules text[] NOT NULL CHECK (cardinality(rules) > 0),
    source_file text NOT NULL,
    source_line integer NOT NULL,
    file_key bigint NOT NULL,
    batch_id bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'OPEN'
    CHECK (status IN ('OPEN', 'REPLAYED', 'DISCARDED')),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX transactions_error_open ON transactions_error (batch_id)
WHERE status = 'OPEN';
CREATE INDEX transactions_error_transaction ON transactions_error (transaction_id);

COMMENT ON TABLE transactions_error IS 'One row a line that broke a rule: by transaction_id, else by file and line';
COMMENT ON COLUMN transactions_error.error_id IS 'SHA-256 of transaction_id, else of file_sha256|source_line';
COMMENT ON COLUMN transactions_error.transaction_id IS '<invoice_no>-<line_no>, when the line has both';
COMMENT ON COLUMN transactions_error.raw IS 'The line''s fields';
COMMENT ON COLUMN transactions_error.rules IS 'All rules it broke, sorted: malformed_row, no_price_in_effect, unknown_country';
COMMENT ON COLUMN transactions_error.source_file IS 'Name of its file';
COMMENT ON COLUMN transactions_error.source_line IS 'Line at which it starts; the header is line 1';
COMMENT ON COLUMN transactions_error.file_key IS 'The file it came from (ops.loaded_files)';
COMMENT ON COLUMN transactions_error.batch_id IS 'The run (ops.runs) that last wrote the row';
COMMENT ON COLUMN transactions_error.attempts IS 'How often it was tried';
COMMENT ON COLUMN transactions_error.status IS 'OPEN, REPLAYED (since loaded) or DISCARDED (by a person)';
COMMENT ON COLUMN transactions_error.first_seen IS 'When it was first put here';
COMMENT ON COLUMN transactions_error.last_seen IS 'When it was last tried';
