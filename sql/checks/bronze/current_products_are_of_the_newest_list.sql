-- Check:    what the newest price list says is the current version
-- Severity: fail
-- Why:      the history is a function of the lists; the newest one decides today's prices

WITH newest AS (
    SELECT
        s.stock_code,
        s.unit_price,
        s.description,
        s.category
    FROM ecommerce_db.products_snapshots AS s
    WHERE
        struct(s.snapshot_date, s.revision)
        = (SELECT max(struct(n.snapshot_date, n.revision)) FROM ecommerce_db.products_snapshots AS n)
)

SELECT
    count(*) = 0 AS passed,
    concat(count(*), coalesce(concat(', such as ', min(n.stock_code)), '')) AS observed,
    '0 products' AS expected
FROM newest AS n
LEFT JOIN ecommerce_db.products AS p ON n.stock_code = p.stock_code AND p.is_current
WHERE
    NOT (
        n.unit_price <=> p.unit_price
        AND n.description <=> p.description
        AND n.category <=> p.category
    )
