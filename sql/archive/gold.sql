-- Purpose: what a month of the fact says, to be held against sql/archive/lake.sql.
-- Run by:  jobs/gold/archive.py
-- Parameters: start, past (the month's first moment, and the next one's)

SELECT
    count(*) AS lines,
    coalesce(sum(f.quantity), 0) AS units,
    coalesce(sum(f.total_amount), 0) AS revenue,
    coalesce(sum(('x' || substr(md5(concat_ws(
        '|',
        f.transaction_id,
        f.product_sk,
        f.customer_sk,
        f.country_sk,
        extract(EPOCH FROM f.invoice_date)::bigint,
        f.quantity,
        f.unit_price,
        f.batch_id
    )), 1, 15))::bit(60)::bigint), 0) AS hash
FROM fact_transactions AS f
WHERE f.invoice_date >= %(start)s AND f.invoice_date < %(past)s;
