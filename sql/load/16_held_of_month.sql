-- Purpose: what a month of the fact has of the staged transactions.
-- Run by:  jobs/gold/held.py, once for each month that can have any
-- Parameters: start, past (the month's first moment, and the next one's: constants, so that no
--          other month is planned for, let alone looked at)

INSERT INTO held
SELECT
    'fact' AS place,
    f.transaction_id,
    f.invoice_date,
    f.product_sk,
    f.customer_sk,
    f.country_sk,
    f.date_sk,
    f.invoice_no,
    f.quantity,
    f.unit_price,
    f.total_amount,
    f.is_return,
    f.file_key,
    f.source_line,
    NULL AS error_status
FROM fact_transactions AS f
WHERE
    f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND f.transaction_id IN (SELECT l.transaction_id FROM staged_lines AS l);
