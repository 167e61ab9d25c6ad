"""The statements that read a digest. Each takes `mail_id`; ranked ones take `limit`.

An odd line belongs to a mail while it is still flagged and NEW, an error while it is OPEN, what
the breaker found while it holds; a view that was late and a check that failed stay told.
"""

# The odd lines, once for all that is told of them.
ODD = """
CREATE TEMP TABLE odd ON COMMIT DROP AS
SELECT
  a.transaction_id,
  a.stock_code,
  COALESCE(p.description, '') AS description,
  COALESCE(p.category, '') AS category,
  a.invoice_date,
  (a.invoice_date AT TIME ZONE 'UTC')::date AS day,
  a.quantity,
  a.median_qty,
  a.threshold,
  a.z_score,
  (a.quantity - a.threshold)::numeric AS units_above,
  COALESCE(f.total_amount, 0) AS amount
FROM ops.mail_findings AS m
INNER JOIN anomalies AS a ON m.batch_id = a.batch_id
LEFT JOIN fact_transactions AS f
  ON a.transaction_id = f.transaction_id AND a.invoice_date = f.invoice_date
LEFT JOIN dim_products AS p ON f.product_sk = p.product_sk
WHERE m.mail_id = %(mail_id)s
  AND m.kind = 'anomalies'
  AND a.still_flagged
  AND a.status = 'NEW'
"""

ERRORS = """
WITH bad AS (
  SELECT
    e.error_id,
    e.rules,
    e.raw,
    e.source_file,
    e.source_line,
    e.first_seen
  FROM ops.mail_findings AS m
  INNER JOIN transactions_error AS e ON m.batch_id = e.batch_id
  WHERE m.mail_id = %(mail_id)s
    AND m.kind = 'errors'
    AND e.status = 'OPEN'
)
"""

ODD_TOTALS = """
SELECT
  COUNT(*) AS lines,
  COALESCE(SUM(quantity), 0) AS units,
  COALESCE(SUM(units_above), 0) AS units_above,
  COALESCE(SUM(amount), 0) AS amount,
  MIN(day) AS first_day,
  MAX(day) AS last_day
FROM odd
"""

# Of whole months Postgres keeps the sums; lines are counted in what is left at both ends.
SALES = """
WITH counted AS (
  SELECT
    product_sk,
    DATE_TRUNC('month', invoice_date AT TIME ZONE 'UTC')::date AS month,
    COUNT(*) AS lines
  FROM fact_transactions
  WHERE quantity > 0
    AND invoice_date >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
    AND invoice_date < %(past)s::date::timestamp AT TIME ZONE 'UTC'
    AND (
      invoice_date < %(whole_first)s::date::timestamp AT TIME ZONE 'UTC'
      OR invoice_date >= %(whole_past)s::date::timestamp AT TIME ZONE 'UTC'
    )
  GROUP BY product_sk, month
),
sales AS (
  SELECT p.stock_code, c.month, c.lines
  FROM counted AS c
  INNER JOIN dim_products AS p ON c.product_sk = p.product_sk
  UNION ALL
  SELECT s.stock_code, s.month, s.sales_lines AS lines
  FROM ops.sales_by_month AS s
  WHERE s.month >= %(whole_first)s::date AND s.month < %(whole_past)s::date
)
SELECT
  COALESCE(SUM(s.lines), 0)::bigint AS sales_lines,
  (
    SELECT COALESCE(SUM(d.sales), 0)
    FROM ops.sales_by_day AS d
    WHERE d.day >= %(first)s::date AND d.day < %(past)s::date
  ) AS sales_amount,
  COALESCE(SUM(s.lines) FILTER (
    WHERE m.stock_code IS NULL AND w.stock_code IS NULL
  ), 0)::bigint AS unscored
FROM sales AS s
LEFT JOIN anomaly_baselines AS m
  ON s.stock_code = m.stock_code AND s.month = m.month AND m.is_sufficient
LEFT JOIN anomaly_baselines AS w
  ON s.stock_code = w.stock_code AND w.month IS NULL AND w.is_sufficient
"""

PER_DAY = """
SELECT
  day,
  COUNT(*) AS lines
FROM odd
GROUP BY day
ORDER BY day
"""

CATEGORIES = """
SELECT
  category AS name,
  '' AS detail,
  COUNT(*) AS lines,
  SUM(units_above) AS units_above,
  SUM(amount) AS amount
FROM odd
GROUP BY category
ORDER BY lines DESC, units_above DESC, name
LIMIT %(limit)s
"""

PRODUCTS = """
SELECT
  (ARRAY_AGG(description ORDER BY invoice_date DESC, transaction_id))[1] AS name,
  stock_code AS detail,
  COUNT(*) AS lines,
  SUM(units_above) AS units_above,
  SUM(amount) AS amount
FROM odd
GROUP BY stock_code
ORDER BY lines DESC, units_above DESC, stock_code
LIMIT %(limit)s
"""

TOP = """
SELECT
  transaction_id,
  stock_code,
  description,
  invoice_date,
  quantity,
  median_qty::float8 AS median,
  threshold::float8 AS threshold,
  z_score::float8 AS z_score
FROM odd
ORDER BY z_score DESC, quantity DESC, transaction_id
LIMIT %(limit)s
"""

ERROR_TOTALS = (
    ERRORS
    + """
SELECT
  COUNT(*) AS lines,
  COALESCE(
    SUM((raw ->> 'quantity')::bigint) FILTER (WHERE raw ->> 'quantity' ~ '^-?[0-9]{1,10}$'), 0
  ) AS units,
  MIN(first_seen) AS first_seen,
  MAX(first_seen) AS last_seen
FROM bad
"""
)

ROWS_IN = """
SELECT SUM((r.counts ->> 'rows_in')::bigint) AS rows_in
FROM ops.mail_findings AS m
INNER JOIN ops.runs AS r ON m.batch_id = r.run_id
WHERE m.mail_id = %(mail_id)s AND m.kind = 'errors'
"""

# The newest line of each rule is its example; source order makes the choice stable.
RULES = (
    ERRORS
    + """
SELECT DISTINCT ON (lines, rule)
  rule,
  COUNT(*) OVER (PARTITION BY rule) AS lines,
  raw::text AS raw,
  COALESCE(source_file, '') AS source_file,
  source_line
FROM bad
CROSS JOIN UNNEST(rules) AS u (rule)
ORDER BY lines DESC, rule, first_seen DESC, source_file DESC, source_line DESC
"""
)

OFTEN = (
    ERRORS
    + """,
counted AS (
  SELECT
    rule,
    COALESCE(
      CASE rule
        WHEN 'unknown_country' THEN raw ->> 'country'
        WHEN 'no_price_in_effect' THEN raw ->> 'stock_code'
      END,
      ''
    ) AS value,
    COUNT(*) AS lines
  FROM bad
  CROSS JOIN UNNEST(rules) AS u (rule)
  WHERE rule IN ('unknown_country', 'no_price_in_effect')
  GROUP BY rule, value
),
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY rule ORDER BY lines DESC, value) AS place
  FROM counted
)
SELECT rule, value, lines
FROM ranked
WHERE place <= %(limit)s
ORDER BY rule, place
"""
)

RUN_IDS = """
SELECT batch_id
FROM ops.mail_findings
WHERE mail_id = %(mail_id)s AND kind = %(kind)s
ORDER BY batch_id
"""

LATE = """
SELECT l.view_name, l.due, l.reasons
FROM ops.mail_findings AS m
INNER JOIN ops.late_views AS l ON m.batch_id = l.batch_id
WHERE m.mail_id = %(mail_id)s AND m.kind = 'late'
ORDER BY l.due, l.view_name
"""

HELD = """
SELECT t.subject, t.files, t.observed, t.expected, t.first_seen
FROM ops.mail_findings AS m
INNER JOIN ops.breaker_trips AS t ON m.batch_id = t.batch_id
WHERE m.mail_id = %(mail_id)s AND m.kind = 'held' AND t.ended_by IS NULL
ORDER BY t.trip_id
"""

FAILED = """
SELECT c.check_name AS name, c.severity, c.observed, c.expected, c.checked_at
FROM ops.mail_findings AS m
INNER JOIN ops.checks AS c ON m.batch_id = c.run_id
WHERE m.mail_id = %(mail_id)s AND m.kind = 'checks' AND NOT c.passed
ORDER BY c.severity, c.run_id, c.check_name
"""
