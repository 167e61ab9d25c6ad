-- Purpose: the staged lines that count, and the rows of the fact that they say anew.
-- Run by:  jobs/gold/merge.py
-- Parameters: any_lost (whether there are losers: without any, no line is asked for among them)
-- Makes:   winners (the staged lines that count), replaced (of held, the fact's rows that a winner
--          says anew)

CREATE TEMP VIEW winners AS
SELECT
    l.transaction_id,
    l.product_sk,
    l.customer_sk,
    l.country_sk,
    l.date_sk,
    l.invoice_no,
    l.invoice_date,
    l.quantity,
    l.unit_price,
    l.total_amount,
    l.file_key,
    l.source_line,
    l.is_new,
    l.customer_id,
    l.rules,
    l.raw
FROM staged_lines AS l
WHERE
    NOT %(any_lost)s
    OR NOT EXISTS (
        SELECT 1 FROM losers AS x
        WHERE x.file_key = l.file_key AND x.source_line = l.source_line
    );

-- Rows of the fact that a winner says anew, the same or otherwise.
CREATE TEMP TABLE replaced ON COMMIT DROP AS
SELECT
    h.transaction_id,
    h.invoice_date,
    h.product_sk,
    h.customer_sk,
    h.quantity,
    w.is_new,
    w.rules IS NOT NULL AS is_bad,
    w.rules IS NULL AND w.invoice_date = h.invoice_date AS stays,
    w.rules IS NULL
    AND w.invoice_date = h.invoice_date
    AND w.product_sk = h.product_sk
    AND w.customer_sk = h.customer_sk
    AND w.country_sk = h.country_sk
    AND w.date_sk = h.date_sk
    AND w.invoice_no = h.invoice_no
    AND w.quantity = h.quantity
    AND w.unit_price = h.unit_price
    AND w.total_amount = h.total_amount
    AND (w.quantity < 0) = h.is_return AS same
FROM held AS h
INNER JOIN winners AS w ON h.transaction_id = w.transaction_id
WHERE h.place = 'fact';

CREATE INDEX replaced_transaction ON replaced (transaction_id);
ANALYZE replaced;
