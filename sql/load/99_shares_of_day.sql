-- Purpose: what each new file brings to the sums of some days, the most first.
-- Run by:  jobs/gold/breaker.py, when a day's sum is out of range
-- Parameters: day_numbers (date_sk of the days)

SELECT
    w.date_sk,
    CASE WHEN w.quantity > 0 THEN 'sales' ELSE 'returns' END AS side,
    f.source_file,
    sum(abs(w.total_amount)) AS amount
FROM winners AS w
INNER JOIN staged_files AS f ON w.file_key = f.file_key
WHERE w.is_new AND w.rules IS NULL AND w.date_sk = any(%(day_numbers)s)
GROUP BY w.date_sk, w.quantity > 0, f.source_file
ORDER BY w.date_sk ASC, side ASC, amount DESC, f.source_file ASC;
