-- Purpose: what a month of the star in the lake says, to be held against sql/archive/gold.sql.
-- Run by:  jobs/gold/archive.py, in Spark
-- Parameters: year, month

SELECT
    count(*) AS lines,
    coalesce(sum(f.quantity), 0) AS units,
    coalesce(sum(f.total_amount), 0) AS revenue,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        f.transaction_id,
        f.product_sk,
        f.customer_sk,
        f.country_sk,
        unix_timestamp(f.invoice_date),
        f.quantity,
        f.unit_price,
        f.batch_id
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM ecommerce_dw.fact_transactions AS f
WHERE f.year = :year AND f.month = :month
