-- Check:    gold's product versions are those of bronze
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    count(*) AS versions,
    coalesce(sum(p.unit_price), 0) AS prices,
    coalesce(sum(('x' || substr(md5(concat_ws(
        '|',
        p.stock_code,
        coalesce(p.description, ''),
        coalesce(p.category, ''),
        p.unit_price,
        p.effective_date,
        coalesce(p.end_date::text, ''),
        CASE WHEN p.withdrawn THEN 'withdrawn' ELSE '' END
    )), 1, 15))::bit(60)::bigint), 0) AS hash
FROM dim_products AS p
