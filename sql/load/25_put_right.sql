-- Purpose: of a forced load: what gold holds and no line of bronze says.
-- Run by:  jobs/gold/merge.py, between 20 and 30, of a forced load only
-- Parameters: everything (whether all of bronze is staged: else a line that is not staged may
--          still be in bronze, and only what is staged is put right)

-- From here on they follow every change of the fact by themselves.
SELECT ops.rebuild_sums();

-- Lines that nobody delivered go like lines that moved, with all that follows from it.
INSERT INTO replaced (
    transaction_id, invoice_date, product_sk, customer_sk, quantity, is_new, is_bad, stays, same
)
SELECT
    f.transaction_id,
    f.invoice_date,
    f.product_sk,
    f.customer_sk,
    f.quantity,
    FALSE AS is_new,
    FALSE AS is_bad,
    FALSE AS stays,
    FALSE AS same
FROM fact_transactions AS f
WHERE
    %(everything)s
    AND NOT EXISTS (
        SELECT 1 FROM staged_lines AS l
        WHERE l.transaction_id = f.transaction_id
    );

ANALYZE replaced;

-- An open error that no line of bronze is; one of a line that is good by now is replayed (40).
DELETE FROM transactions_error AS e
WHERE
    %(everything)s
    AND e.status = 'OPEN'
    AND e.error_id NOT IN (
        SELECT
            encode(
                sha256(convert_to(coalesce(w.transaction_id, f.file_sha256 || '|' || w.source_line), 'UTF8')), 'hex'
            )
        FROM winners AS w
        INNER JOIN ops.loaded_files AS f ON w.file_key = f.file_key
        WHERE w.rules IS NOT NULL
    )
    AND NOT EXISTS (
        SELECT 1 FROM winners AS w
        WHERE w.rules IS NULL AND w.transaction_id = e.transaction_id
    );

INSERT INTO dim_customers (customer_sk)
VALUES (-1)
ON CONFLICT (customer_sk) DO UPDATE SET
    first_purchase = NULL,
    last_purchase = NULL
WHERE dim_customers.first_purchase IS NOT NULL OR dim_customers.last_purchase IS NOT NULL;

UPDATE dim_customers AS d
SET customer_id = w.customer_id
FROM winners AS w
WHERE
    w.rules IS NULL
    AND w.customer_sk <> -1
    AND d.customer_sk = w.customer_sk
    AND d.customer_id <> w.customer_id;

DELETE FROM dim_customers AS d
WHERE
    %(everything)s
    AND d.customer_sk <> -1
    AND NOT EXISTS (
        SELECT 1 FROM fact_transactions AS f
        WHERE f.customer_sk = d.customer_sk AND f.customer_sk <> -1
    );
