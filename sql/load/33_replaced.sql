-- Purpose: lines that went or moved leave the fact; of those said again the same, where they came from.
-- Run by:  jobs/gold/merge.py, once for months of such lines that follow each other
-- Parameters: start, past (the first moment of these months, and of the next one: constants, so that
--          no other month is planned for)

DELETE FROM fact_transactions AS f
USING replaced AS r
WHERE
    f.transaction_id = r.transaction_id
    AND f.invoice_date = r.invoice_date
    AND f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND NOT r.stays;

-- The same line, said again by a later file: only where it came from is new.
UPDATE fact_transactions AS f
SET
    file_key = w.file_key,
    source_line = w.source_line
FROM replaced AS r
INNER JOIN winners AS w ON r.transaction_id = w.transaction_id
WHERE
    r.same
    AND f.transaction_id = r.transaction_id
    AND f.invoice_date = r.invoice_date
    AND f.invoice_date >= %(start)s
    AND f.invoice_date < %(past)s
    AND (f.file_key, f.source_line) <> (w.file_key, w.source_line);
