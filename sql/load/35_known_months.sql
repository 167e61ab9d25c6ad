-- Purpose: lines of months that have a partition. New months are built aside (merge.py).
-- Run by:  jobs/gold/merge.py; the last statement's row count is the lines written
-- Parameters: batch_id, known_months (yyyymm)

INSERT INTO fact_transactions AS f (
    transaction_id, product_sk, customer_sk, country_sk, date_sk, invoice_no, invoice_date,
    quantity, unit_price, total_amount, is_return, batch_id, file_key, source_line
)
SELECT
    w.transaction_id,
    w.product_sk,
    w.customer_sk,
    w.country_sk,
    w.date_sk,
    w.invoice_no,
    w.invoice_date,
    w.quantity,
    w.unit_price,
    w.total_amount,
    w.quantity < 0 AS is_return,
    %(batch_id)s AS batch_id,
    w.file_key,
    w.source_line
FROM winners AS w
WHERE
    w.rules IS NULL
    AND cardinality(%(known_months)s::integer[]) > 0
    AND w.date_sk / 100 = any(%(known_months)s::integer[])
    AND NOT EXISTS (
        SELECT 1 FROM replaced AS r
        WHERE r.transaction_id = w.transaction_id AND r.same
    )
ON CONFLICT (transaction_id, invoice_date) DO UPDATE SET
    invoice_no = excluded.invoice_no,
    product_sk = excluded.product_sk,
    customer_sk = excluded.customer_sk,
    country_sk = excluded.country_sk,
    date_sk = excluded.date_sk,
    quantity = excluded.quantity,
    unit_price = excluded.unit_price,
    total_amount = excluded.total_amount,
    is_return = excluded.is_return,
    batch_id = excluded.batch_id,
    file_key = excluded.file_key,
    source_line = excluded.source_line;
