-- Check:    gold's countries are those of bronze
-- Severity: fail
-- Why:      see the file of the same name below reconcile/bronze

SELECT
    count(*) AS countries,
    coalesce(sum(('x' || substr(md5(concat_ws(
        '|',
        c.country_id,
        c.country,
        coalesce(c.iso_code, ''),
        coalesce(c.region, ''),
        coalesce(c.sub_region, '')
    )), 1, 15))::bit(60)::bigint), 0) AS hash
FROM dim_countries AS c
