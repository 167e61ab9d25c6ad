-- Check:    a customer's first and last purchase are those of the fact; every customer has a line
-- Severity: fail
-- Why:      cohorts and recency are read from the dimension alone

SELECT
    count(*) = 0 AS passed,
    count(*) || coalesce(', such as ' || min(c.customer_id), '') AS observed,
    '0 customers' AS expected
FROM dim_customers AS c
LEFT JOIN (
    SELECT
        f.customer_sk,
        min(f.invoice_date) AS first_purchase,
        max(f.invoice_date) AS last_purchase
    FROM fact_transactions AS f
    GROUP BY f.customer_sk
) AS f ON c.customer_sk = f.customer_sk
WHERE
    c.customer_sk <> -1
    AND (c.first_purchase, c.last_purchase) IS DISTINCT FROM (f.first_purchase, f.last_purchase)
