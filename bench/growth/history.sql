-- Purpose: what all months of the bench's shop share in gold: days, runs, mails.
-- Run by:  bench/growth/history.py, as gold's owner
-- Parameters: first and past (months, numbers since January 2000), start, past_start, runs (number
--          of the first run), windows (how many loads there were), names (of countries)

CREATE SCHEMA bench;

CREATE UNLOGGED TABLE bench.customers AS
SELECT
    n.n AS customer,
    'C' || n.n AS customer_id,
    ('x' || left(encode(sha256(convert_to('C' || n.n, 'UTF8')), 'hex'), 15))::bit(60)::bigint AS customer_sk
FROM generate_series(
    %(first)s * {newcomers}, (%(past)s - 1) * {newcomers} + {customers} - 1
) AS n (n);

INSERT INTO bench.customers VALUES (-1, NULL, -1);
ANALYZE bench.customers;

CREATE UNLOGGED TABLE bench.countries AS
SELECT
    n.nth - 1 AS nth,
    d.country_sk
FROM unnest(%(names)s) WITH ORDINALITY AS n (name, nth)
INNER JOIN dim_countries AS d ON n.name = d.country;
ANALYZE bench.countries;

INSERT INTO dim_dates
SELECT
    to_char(d.d, 'YYYYMMDD')::integer,
    d.d,
    extract(YEAR FROM d.d),
    extract(QUARTER FROM d.d),
    extract(MONTH FROM d.d),
    trim(to_char(d.d, 'Month')),
    extract(DAY FROM d.d),
    trim(to_char(d.d, 'Day')),
    extract(ISODOW FROM d.d) > 5
FROM generate_series(
    %(start)s::timestamp, %(past_start)s::timestamp - interval '1 day', interval '1 day'
) AS d (d);

-- Every 4 hours: ingestion, load, anomalies, mail; the load of window n is run runs + 4 n.
INSERT INTO ops.runs (
    run_id, job, status, triggered_by, who, backend_pid, started_at, ended_at, counts
) OVERRIDING SYSTEM VALUE
SELECT
    %(runs)s + 4 * n.n + j.nth,
    j.job,
    'done',
    'schedule',
    'bench',
    0,
    %(start)s::timestamptz + (n.n + 1) * interval '4 hours',
    %(start)s::timestamptz + (n.n + 1) * interval '4 hours' + interval '1 minute',
    '{{"rows_in": 2700}}'
FROM generate_series(0, %(windows)s - 1) AS n (n)
CROSS JOIN (
    VALUES (0, 'fact_postgres'), (1, 'detect_anomalies'), (2, 'send_mail'), (3, 'ingest_transactions')
) AS j (nth, job);

SELECT setval(pg_get_serial_sequence('ops.runs', 'run_id'), %(runs)s + 4 * %(windows)s + 10);

INSERT INTO ops.checks (run_id, check_name, severity, passed, observed, expected)
SELECT
    %(runs)s + 4 * n.n,
    c.name,
    'fail',
    TRUE,
    '0',
    '0'
FROM generate_series(0, %(windows)s - 1) AS n (n)
CROSS JOIN (
    VALUES ('every_line_accounted_for'), ('staged_all_of_bronze'), ('product_versions_do_not_overlap')
) AS c (name);

-- A mail a day tells of six loads.
INSERT INTO ops.mail_outbox (message_id, status, claimed_at, sent_at, attempts)
SELECT
    'bench-' || n.n,
    'SENT',
    now(),
    now(),
    1
FROM generate_series(0, %(windows)s / 6 - 1) AS n (n);

INSERT INTO ops.mail_findings (mail_id, kind, batch_id, found)
SELECT
    o.mail_id,
    k.kind,
    %(runs)s + 4 * n.n + k.nth,
    40
FROM generate_series(0, %(windows)s / 6 * 6 - 1) AS n (n)
INNER JOIN ops.mail_outbox AS o ON 'bench-' || n.n / 6 = o.message_id
CROSS JOIN (VALUES (0, 'errors'), (1, 'anomalies')) AS k (nth, kind);
