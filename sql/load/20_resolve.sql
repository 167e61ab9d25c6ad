-- Purpose: which staged lines count. Of the rows with one transaction_id the greatest
--          (file window, file hash, source line) wins, in whatever order they arrive.
-- Run by:  jobs/gold/merge.py
-- Parameters: forced (what gold holds may be damaged: of every staged transaction, all lines of
--          bronze are staged, so gold is not asked which line counts)
-- Makes:   losers (staged lines that do not count), winners (the staged lines that count),
--          replaced (of held, the fact's rows that a winner says anew)

CREATE TEMP TABLE losers (
    file_key bigint,
    source_line integer,
    PRIMARY KEY (file_key, source_line)
) ON COMMIT DROP;

INSERT INTO losers (file_key, source_line)
WITH doubled AS (
    SELECT l.transaction_id
    FROM staged_lines AS l
    WHERE l.transaction_id IS NOT NULL
    GROUP BY l.transaction_id
    HAVING count(*) > 1
),

ranked AS (
    SELECT
        l.file_key,
        l.source_line,
        row_number() OVER (
            PARTITION BY l.transaction_id
            ORDER BY w.window_start DESC, w.file_sha256 DESC, l.source_line DESC
        ) AS nth
    FROM doubled AS d
    INNER JOIN staged_lines AS l ON d.transaction_id = l.transaction_id
    INNER JOIN ops.loaded_files AS w ON l.file_key = w.file_key
)

SELECT
    r.file_key,
    r.source_line
FROM ranked AS r
WHERE r.nth > 1;

CREATE INDEX held_transaction ON held (transaction_id);
ANALYZE held;

INSERT INTO losers (file_key, source_line)
SELECT
    l.file_key,
    l.source_line
FROM held AS h
INNER JOIN staged_lines AS l ON h.transaction_id = l.transaction_id
INNER JOIN ops.loaded_files AS wl ON l.file_key = wl.file_key
INNER JOIN ops.loaded_files AS wh ON h.file_key = wh.file_key
WHERE
    (
        NOT %(forced)s
        AND (wh.window_start, wh.file_sha256, h.source_line)
        > (wl.window_start, wl.file_sha256, l.source_line)
    )
    -- what a person discarded stays so until another row takes its place
    OR (h.error_status = 'DISCARDED' AND h.file_key = l.file_key AND h.source_line = l.source_line)
ON CONFLICT DO NOTHING;

ANALYZE losers;

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
    NOT EXISTS (
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
