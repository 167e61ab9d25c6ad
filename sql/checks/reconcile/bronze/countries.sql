-- Check:    gold's countries are those of bronze
-- Severity: fail
-- Why:      lines find their region by them

SELECT
    count(*) AS countries,
    coalesce(sum(cast(conv(substring(md5(concat_ws(
        '|',
        c.country_id,
        c.country,
        coalesce(c.iso_code, ''),
        coalesce(c.region, ''),
        coalesce(c.sub_region, '')
    )), 1, 15), 16, 10) AS decimal(38, 0))), 0) AS hash
FROM taken_countries AS c
