-- Purpose: flags that no longer hold: the line is not above its threshold, or not there.
-- Run by:  jobs/analytics/scoring.py, once for months that follow each other
-- Parameters: start, past (the first moment of months that follow each other, and of the next one),
--          batches (the loads whose changes are worked off: where their lines alone were scored, a
--          line that none of them wrote stands as it did)

INSERT INTO fallen (anomaly_id, never_told)
SELECT
    a.anomaly_id,
    -- what is flagged again had been kept, since people knew of it
    a.alert_timestamp <= a.created_at
    AND NOT EXISTS (
        SELECT 1 FROM ops.mail_findings AS m
        INNER JOIN ops.mail_outbox AS o ON m.mail_id = o.mail_id
        WHERE m.batch_id = a.batch_id AND m.kind = 'anomalies' AND o.status <> 'PENDING'
    ) AS never_told
FROM due AS u
-- each looked up, however many anomalies there are by now
CROSS JOIN
    LATERAL (
        SELECT
            s.anomaly_id,
            s.transaction_id,
            s.quantity,
            s.invoice_date,
            s.alert_timestamp,
            s.created_at,
            s.batch_id
        FROM anomalies AS s
        WHERE
            s.stock_code = u.stock_code
            AND s.invoice_date >= u.month::timestamp AT TIME ZONE 'UTC'
            AND s.invoice_date < (u.month + interval '1 month') AT TIME ZONE 'UTC'
            AND s.still_flagged
        OFFSET 0
    ) AS a
WHERE
    u.month >= %(start)s::date
    AND u.month < %(past)s::date
    AND NOT EXISTS (
        SELECT 1 FROM above AS n
        WHERE n.transaction_id = a.transaction_id
    )
    AND (
        -- not scored: a flag stands while its line does
        (
            u.month < (SELECT ops.scoring_starts())
            AND NOT EXISTS (
                SELECT 1 FROM fact_transactions AS f
                WHERE
                    f.transaction_id = a.transaction_id
                    AND f.invoice_date = a.invoice_date
                    AND f.invoice_date >= %(start)s
                    AND f.invoice_date < %(past)s
                    AND f.quantity = a.quantity
            )
        )
        OR (
            u.month >= (SELECT ops.scoring_starts())
            AND (
                u.is_whole
                OR coalesce((
                    SELECT f.batch_id = any(%(batches)s) FROM fact_transactions AS f
                    WHERE
                        f.transaction_id = a.transaction_id
                        AND f.invoice_date = a.invoice_date
                        AND f.invoice_date >= %(start)s
                        AND f.invoice_date < %(past)s
                ), TRUE)
            )
        )
    );
