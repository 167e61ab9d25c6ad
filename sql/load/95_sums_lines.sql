-- Purpose: the lines of the sampled products in one of their months.
-- Run by:  jobs/gold/merge.py, once for each month
-- Parameters: month, start, past (the month's first moment, and the next one's: constants, so that
--          no other month is planned for, let alone looked at)

INSERT INTO sampled_lines (stock_code, month, customer_sk, quantity, total_amount)
SELECT
    s.stock_code,
    s.month,
    f.customer_sk,
    f.quantity,
    f.total_amount
FROM sampled AS s
INNER JOIN dim_products AS p ON s.stock_code = p.stock_code
INNER JOIN fact_transactions AS f ON p.product_sk = f.product_sk
WHERE
    s.month = %(month)s
    AND f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s;
