-- Purpose: databases and tables of the lake. Harmless when they exist.
-- Parameter: ${lake}, the URI below which the databases lie.
-- Run by:  the first job of a home (jobs/common/lake.py), through Spark SQL.
-- Written by `python -m jobs.common.lake` from jobs/common/contracts.py; do not edit.

CREATE DATABASE IF NOT EXISTS ecommerce_db
COMMENT 'Bronze: what arrived, as it arrived'
LOCATION '${lake}/ecommerce_db.db';

CREATE DATABASE IF NOT EXISTS ecommerce_dw
COMMENT 'The star schema of gold, copied daily'
LOCATION '${lake}/ecommerce_dw.db';

CREATE TABLE IF NOT EXISTS ecommerce_db.transactions_raw (
    invoice_no   STRING    COMMENT 'The invoice',
    line_no      INT       COMMENT 'Line of the invoice, from 1',
    stock_code   STRING    COMMENT 'The product, trimmed, upper case',
    quantity     INT       COMMENT 'Units; negative for a return',
    invoice_date TIMESTAMP COMMENT 'Time of the invoice (UTC)',
    customer_id  STRING    COMMENT 'The customer; null for a guest',
    country      STRING    COMMENT 'Country name, as the shop writes it',
    problem      STRING    COMMENT 'Why the record cannot be used; null when it can',
    raw_fields   STRING    COMMENT 'JSON of a bad record\'s fields; null for a good one',
    raw_bytes    BINARY    COMMENT 'A bad record\'s exact bytes; null for a good one',
    window_start TIMESTAMP COMMENT 'Start of the file\'s 4-hour window, from its name',
    source_file  STRING    COMMENT 'Name under which the file first arrived',
    source_line  INT       COMMENT 'Line at which the row starts; the header is line 1',
    file_sha256  STRING    COMMENT 'SHA-256 of the file\'s bytes: its identity',
    batch_id     BIGINT    COMMENT 'The run (ops.runs) that took the file'
)
USING iceberg
PARTITIONED BY (months(invoice_date))
COMMENT 'One row a record of an accepted transactions file, bad ones included (append-only)'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none',
    'write.metadata.metrics.column.file_sha256' = 'full',
    'write.spark.fanout.enabled' = 'true'
);

CREATE TABLE IF NOT EXISTS ecommerce_db.products_snapshots (
    snapshot_date  DATE          COMMENT 'Date in the file\'s name: the day its prices take effect',
    revision       INT           COMMENT '0, and one more each time the date\'s file was replaced; the highest counts',
    stock_code     STRING        COMMENT 'The product, trimmed, upper case',
    description    STRING        COMMENT 'Name of the product',
    category       STRING        COMMENT 'Product category',
    unit_price     DECIMAL(12,4) COMMENT 'List price of one unit',
    stock_quantity INT           COMMENT 'Units in stock, when the file says; not tracked',
    source_file    STRING        COMMENT 'Name under which the file first arrived',
    source_line    INT           COMMENT 'Line at which the row starts; the header is line 1',
    file_sha256    STRING        COMMENT 'SHA-256 of the file\'s bytes: its identity',
    batch_id       BIGINT        COMMENT 'The run (ops.runs) that took the file'
)
USING iceberg
PARTITIONED BY (months(snapshot_date))
COMMENT 'One row a product of an accepted products file (append-only)'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none',
    'write.spark.fanout.enabled' = 'true'
);

CREATE TABLE IF NOT EXISTS ecommerce_db.products (
    stock_code     STRING        COMMENT 'The product, trimmed, upper case',
    description    STRING        COMMENT 'Name of the product',
    category       STRING        COMMENT 'Product category',
    unit_price     DECIMAL(12,4) COMMENT 'List price of one unit',
    effective_date DATE          COMMENT 'First day on which this version is in effect',
    end_date       DATE          COMMENT 'First day on which it no longer is; null for the current one',
    is_current     BOOLEAN       COMMENT 'Whether end_date is null',
    withdrawn      BOOLEAN       COMMENT 'Whether it ended because the product left the price list'
)
USING iceberg
PARTITIONED BY (is_current)
COMMENT 'One row a version of a product (SCD type 2), in effect in [effective_date, end_date)'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none',
    'write.spark.fanout.enabled' = 'true',
    'warehouse.layout' = 'current versions apart'
);

CREATE TABLE IF NOT EXISTS ecommerce_db.countries_snapshots (
    snapshot_date DATE   COMMENT 'Date in the file\'s name',
    revision      INT    COMMENT '0, and one more each time the date\'s file was replaced; the highest counts',
    country_id    INT    COMMENT 'UN numeric code',
    country       STRING COMMENT 'Name, as the shop writes it',
    iso_code      STRING COMMENT 'ISO 3166-1 alpha-2 code',
    region        STRING COMMENT 'UN M49 region',
    sub_region    STRING COMMENT 'UN M49 sub-region',
    source_file   STRING COMMENT 'Name under which the file first arrived',
    source_line   INT    COMMENT 'Line at which the row starts; the header is line 1',
    file_sha256   STRING COMMENT 'SHA-256 of the file\'s bytes: its identity',
    batch_id      BIGINT COMMENT 'The run (ops.runs) that took the file'
)
USING iceberg
COMMENT 'One row a country of an accepted countries file (append-only)'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_db.countries (
    country_id      INT    COMMENT 'UN numeric code',
    country         STRING COMMENT 'Name, as the shop writes it',
    iso_code        STRING COMMENT 'ISO 3166-1 alpha-2 code',
    region          STRING COMMENT 'UN M49 region',
    sub_region      STRING COMMENT 'UN M49 sub-region',
    first_seen_date DATE   COMMENT 'Date of the file whose value stays'
)
USING iceberg
COMMENT 'One row a country (SCD type 0: the value of the earliest-dated file stays)'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_dw.dim_products (
    product_sk     BIGINT        COMMENT 'Surrogate key, as in gold',
    stock_code     STRING        COMMENT 'The product, trimmed, upper case',
    description    STRING        COMMENT 'Name of the product',
    category       STRING        COMMENT 'Product category',
    unit_price     DECIMAL(12,4) COMMENT 'List price of one unit',
    effective_date DATE          COMMENT 'First day on which this version is in effect',
    end_date       DATE          COMMENT 'First day on which it no longer is; null for the current one',
    is_current     BOOLEAN       COMMENT 'Whether end_date is null',
    withdrawn      BOOLEAN       COMMENT 'Whether it ended because the product left the price list'
)
USING iceberg
COMMENT 'One row a version of a product, as in gold'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_dw.dim_customers (
    customer_sk    BIGINT    COMMENT 'Surrogate key, as in gold',
    customer_id    STRING    COMMENT 'The shop\'s customer number; null for guests',
    first_purchase TIMESTAMP COMMENT 'Time of the first invoice line (UTC)',
    last_purchase  TIMESTAMP COMMENT 'Time of the last invoice line (UTC)'
)
USING iceberg
COMMENT 'One row a customer with a fact line, and the unknown member -1, as in gold'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_dw.dim_countries (
    country_sk BIGINT COMMENT 'Surrogate key, as in gold',
    country_id INT    COMMENT 'UN numeric code',
    country    STRING COMMENT 'Name, as the shop writes it',
    iso_code   STRING COMMENT 'ISO 3166-1 alpha-2 code',
    region     STRING COMMENT 'UN M49 region',
    sub_region STRING COMMENT 'UN M49 sub-region'
)
USING iceberg
COMMENT 'One row a country, as in gold'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_dw.dim_dates (
    date_sk    INT     COMMENT 'Surrogate key: yyyymmdd',
    date       DATE    COMMENT 'The day',
    year       INT     COMMENT 'Year',
    quarter    INT     COMMENT 'Quarter, 1 to 4',
    month      INT     COMMENT 'Month, 1 to 12',
    month_name STRING  COMMENT 'English name of the month',
    day        INT     COMMENT 'Day of the month',
    weekday    STRING  COMMENT 'English name of the weekday',
    is_weekend BOOLEAN COMMENT 'Saturday or Sunday'
)
USING iceberg
COMMENT 'One row a day (UTC), as in gold'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none'
);

CREATE TABLE IF NOT EXISTS ecommerce_dw.fact_transactions (
    transaction_id STRING        COMMENT '<invoice_no>-<line_no>',
    product_sk     BIGINT        COMMENT 'The product version in effect on the day',
    customer_sk    BIGINT        COMMENT 'The customer; -1 for guests',
    country_sk     BIGINT        COMMENT 'The country',
    date_sk        INT           COMMENT 'The day (UTC), yyyymmdd',
    invoice_no     STRING        COMMENT 'The invoice',
    invoice_date   TIMESTAMP     COMMENT 'Time of the invoice (UTC)',
    quantity       INT           COMMENT 'Units; negative for a return',
    unit_price     DECIMAL(12,4) COMMENT 'List price of one unit on that day',
    total_amount   DECIMAL(18,4) COMMENT 'quantity x unit_price',
    is_return      BOOLEAN       COMMENT 'quantity < 0',
    batch_id       BIGINT        COMMENT 'The run (ops.runs) that last wrote the line',
    year           INT           COMMENT 'Year of the line (UTC)',
    month          INT           COMMENT 'Month of the line (UTC)'
)
USING iceberg
PARTITIONED BY (year, month)
COMMENT 'One row an invoice line, as in gold; partitioned by year and month'
TBLPROPERTIES (
    'format-version' = '2',
    'commit.retry.num-retries' = '20',
    'write.distribution-mode' = 'none',
    'write.spark.fanout.enabled' = 'true'
);
