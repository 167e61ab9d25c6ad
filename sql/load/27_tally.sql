-- Purpose: the winners, read once for all that is asked of them together.
-- Run by:  jobs/gold/merge.py
-- Makes:   tally (one row a customer, month, and kind of line), months (yyyymm of good lines),
--          buyers (customers of good lines, with their dates)
--          Its last statement gives the months, and whether the fact has them.

-- As long as no line lost, two processes share this: few groups go from one to the other.
SET LOCAL parallel_tuple_cost = 0;

CREATE TEMP TABLE tally ON COMMIT DROP AS
SELECT
    w.customer_sk,
    w.customer_id,
    w.date_sk / 100 AS yyyymm,
    w.is_new,
    w.rules IS NOT NULL AS is_bad,
    count(*) AS lines,
    min(w.invoice_date) AS first_purchase,
    max(w.invoice_date) AS last_purchase
FROM winners AS w
GROUP BY w.customer_sk, w.customer_id, w.date_sk / 100, w.is_new, w.rules IS NOT NULL;

RESET parallel_tuple_cost;

CREATE TEMP TABLE months ON COMMIT DROP AS
SELECT DISTINCT t.yyyymm FROM tally AS t
WHERE NOT t.is_bad;

CREATE TEMP TABLE buyers ON COMMIT DROP AS
SELECT
    t.customer_sk,
    t.customer_id,
    min(t.first_purchase) AS first_purchase,
    max(t.last_purchase) AS last_purchase
FROM tally AS t
WHERE NOT t.is_bad AND t.customer_sk <> -1
GROUP BY t.customer_sk, t.customer_id;

ANALYZE buyers;

SELECT
    m.month,
    to_regclass('public.' || ops.fact_month_name(m.month)) IS NOT NULL AS is_known
FROM (SELECT to_date(n.yyyymm::text, 'YYYYMM') AS month FROM months AS n) AS m
ORDER BY m.month;
