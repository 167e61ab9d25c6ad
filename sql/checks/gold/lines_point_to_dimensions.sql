-- Check:    every line of the fact has its product version, customer, country and day
-- Severity: fail
-- Why:      a join to a dimension would drop the line; foreign keys are not asked of what a hand attaches

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(f.transaction_id), '') AS observed,
    '0 lines without one' AS expected
FROM fact_transactions AS f
LEFT JOIN dim_products AS p ON f.product_sk = p.product_sk
LEFT JOIN dim_customers AS c ON f.customer_sk = c.customer_sk
LEFT JOIN dim_countries AS n ON f.country_sk = n.country_sk
LEFT JOIN dim_dates AS d ON f.date_sk = d.date_sk
WHERE
    p.product_sk IS NULL
    OR c.customer_sk IS NULL
    OR n.country_sk IS NULL
    OR d.date_sk IS NULL
