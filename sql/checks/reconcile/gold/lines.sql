-- Check:    the fact's lines are those that bronze says
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    count(*) AS lines,
    coalesce(sum(f.quantity), 0) AS units,
    coalesce(sum(f.total_amount), 0) AS amount,
    coalesce(sum(('x' || substr(md5(concat_ws(
        '|',
        f.transaction_id,
        p.stock_code,
        p.effective_date,
        coalesce(c.customer_id, ''),
        n.country,
        extract(EPOCH FROM f.invoice_date)::bigint,
        f.quantity,
        f.unit_price
    )), 1, 15))::bit(60)::bigint), 0) AS hash
FROM fact_transactions AS f
LEFT JOIN dim_products AS p ON f.product_sk = p.product_sk
LEFT JOIN dim_customers AS c ON f.customer_sk = c.customer_sk
LEFT JOIN dim_countries AS n ON f.country_sk = n.country_sk
