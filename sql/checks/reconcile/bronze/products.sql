-- Check:    gold's product versions are those of bronze
-- Severity: fail
-- Why:      lines of the same day must find the same price in both

SELECT
    count(*) AS versions,
    coalesce(sum(p.unit_price), 0) AS prices,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        p.stock_code,
        coalesce(p.description, ''),
        coalesce(p.category, ''),
        p.unit_price,
        p.effective_date,
        coalesce(cast(p.end_date AS string), ''),
        if(p.withdrawn, 'withdrawn', '')
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM taken_products AS p
