-- Purpose: what the run did.
-- Run by:  jobs/analytics/scoring.py, last of one transaction
-- Parameters: batch_id

SELECT
    (SELECT count(*) FROM changes) AS changes,
    (SELECT count(*) FROM wanted) AS baselines,
    (
        SELECT count(*) FROM anomalies AS a
        WHERE a.batch_id = %(batch_id)s AND a.still_flagged AND a.status = 'NEW')
        AS newly_flagged,
    (SELECT count(*) FROM fallen) AS no_longer_flagged;
