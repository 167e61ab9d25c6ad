"""A year of invoice lines as they are staged, and the dimensions they point to, by DuckDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

import duckdb

from jobs.gold.staged import SourceFile

CODES, VERSIONS, CUSTOMERS, COUNTRIES = 4_000, 5, 5_000, 38
FIRST_DAY, DAYS, BATCH_DAY = "2010-12-01", 396, "2011-06-30"

DIMENSIONS = f"""
CREATE MACRO key_of(words) AS ('0x' || sha256(words)[:15])::BIGINT;

CREATE TABLE dim_products AS
SELECT key_of(stock_code || '|' || effective_date) AS product_sk, *,
    end_date IS NULL AS is_current, false AS withdrawn
FROM (
    SELECT printf('%05d', 20000 + code) || chr((65 + code % 7)::INT) AS stock_code,
        'SET OF ' || code % 12 || ' RETROSPOT "' || chr((65 + code % 26)::INT) || '" TOWELS'
            AS description,
        'Category ' || code % 14 AS category,
        (45 + hash(code, version) % 2000)::DECIMAL(12, 4) / 100 AS unit_price,
        DATE '{FIRST_DAY}' + 80 * version::INT AS effective_date,
        CASE WHEN version < {VERSIONS - 1} THEN DATE '{FIRST_DAY}' + 80 * (version::INT + 1) END
            AS end_date
    FROM range({CODES}) AS c (code), range({VERSIONS}) AS v (version)
);

CREATE TABLE dim_countries AS
SELECT 4 + 20 * n AS country_sk, 4 + 20 * n AS country_id, 'Country ' || n AS country,
    NULL AS iso_code, 'Region ' || n % 5 AS region, NULL AS sub_region
FROM range({COUNTRIES}) AS t (n);

CREATE TABLE dim_customers AS
SELECT key_of(customer_id) AS customer_sk, customer_id
FROM (SELECT (12000 + n)::VARCHAR AS customer_id FROM range({CUSTOMERS}) AS t (n));

CREATE TABLE dim_dates AS
SELECT strftime(date, '%Y%m%d')::INT AS date_sk, date, year(date) AS year, quarter(date) AS quarter,
    month(date) AS month, monthname(date) AS month_name, day(date) AS day,
    dayname(date) AS weekday, isodow(date) > 5 AS is_weekend
FROM (SELECT DATE '{FIRST_DAY}' + n::INT AS date FROM range({DAYS}) AS t (n));
"""

# Twenty lines an invoice, a quarter of them guests'; one line in fifty is a return.
LINES = f"""
CREATE TABLE lines AS
WITH drawn AS (
    SELECT n, n // 20 AS invoice, hash(n, 7) AS a, hash(n // 20, 11) AS b,
        $first::TIMESTAMP + to_seconds((n // 20) * 20 * $days * 86400 // $rows) AS moment
    FROM range($rows) AS t (n)
),
windowed AS (
    SELECT *, printf('%05d', 20000 + a % {CODES}) || chr((65 + a % {CODES} % 7)::INT) AS stock_code,
        CASE WHEN b % 4 > 0 THEN (12000 + (b // 4) % {CUSTOMERS})::VARCHAR END AS customer_id,
        time_bucket(INTERVAL '4 hours', moment) AS window_start,
        $mark || strftime(time_bucket(INTERVAL '4 hours', moment), '%Y%m%dT%H%M') AS file
    FROM drawn
),
priced AS (
    SELECT w.*, p.product_sk, p.unit_price,
        (CASE WHEN a % 50 = 0 THEN -1 ELSE 1 END * (1 + (a // 50) % 24))::INT AS quantity
    FROM windowed AS w
    JOIN dim_products AS p ON p.stock_code = w.stock_code AND p.effective_date <= w.moment::DATE
        AND (p.end_date IS NULL OR w.moment::DATE < p.end_date)
)
SELECT $mark || (500000 + invoice) || '-' || (n % 20 + 1) AS transaction_id, product_sk,
    coalesce(key_of(customer_id), -1) AS customer_sk,
    (4 + 20 * (coalesce(customer_id::BIGINT, b) % {COUNTRIES}))::BIGINT AS country_sk,
    strftime(moment, '%Y%m%d')::INT AS date_sk, $mark || (500000 + invoice) AS invoice_no,
    moment AT TIME ZONE 'UTC' AS invoice_date, quantity, unit_price,
    (quantity * unit_price)::DECIMAL(18, 4) AS total_amount, key_of(file) AS file_key,
    (row_number() OVER (PARTITION BY file ORDER BY n) + 1)::INT AS source_line, true AS is_new,
    customer_id, NULL::VARCHAR AS rules, NULL::VARCHAR AS raw, stock_code, window_start, file
FROM priced;
"""


@dataclass(frozen=True)
class Lines:
    """Staged lines in a Parquet file, and the landing files they would be of."""

    path: Path
    files: list[SourceFile]

    @property
    def rows(self) -> int:
        return sum(file.line_count for file in self.files)


def _connect() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(DIMENSIONS)
    return db


def write_dimensions(directory: Path) -> dict[str, Path]:
    """A CSV file with header for each dimension."""
    db = _connect()
    paths = {name: directory / f"{name}.csv" for (name,) in db.execute("SHOW TABLES").fetchall()}
    for name, path in paths.items():
        db.execute(f"COPY {name} TO '{path}' (HEADER)")
    return paths


def write_lines(path: Path, rows: int, *, mark: str, first: str, days: float) -> Lines:
    """Lines spread evenly over days, in the order that an as-of join leaves them in."""
    db = _connect()
    db.execute(LINES, {"rows": rows, "mark": mark, "first": first, "days": days})
    db.execute(
        "COPY (SELECT * EXCLUDE (stock_code, window_start, file) FROM lines"
        f" ORDER BY hash(stock_code, date_sk)) TO '{path}' (ROW_GROUP_SIZE 122880)"
    )
    files = db.execute(
        "SELECT sha256(file), file || '.csv', any_value(window_start), count(*) FROM lines"
        " GROUP BY file ORDER BY 2"
    ).fetchall()
    return Lines(path, [SourceFile(s, n, w.replace(tzinfo=UTC), c) for s, n, w, c in files])


def with_corrections(fresh: Lines, held: Lines, rows: int) -> Lines:
    """Lines with some that are held already, their quantities corrected, in the first file."""
    first, *others = fresh.files
    path = fresh.path.with_stem("corrected")
    db = _connect()
    db.execute(
        f"COPY (SELECT * FROM read_parquet('{fresh.path}') UNION ALL (SELECT * REPLACE ("
        "quantity + 1 AS quantity, ((quantity + 1) * unit_price)::DECIMAL(18, 4) AS total_amount,"
        f" {first.file_key} AS file_key,"
        f" (row_number() OVER () + 1 + {first.line_count})::INT AS source_line)"
        f" FROM read_parquet('{held.path}') WHERE quantity > 0"
        f" ORDER BY transaction_id LIMIT {rows})) TO '{path}'"
    )
    return Lines(path, [replace(first, line_count=first.line_count + rows), *others])
