"""What came out of a load, to compare: counts, sums and a hash of the rows of each table.

The third opinion is Polars', by another way: every day with lines has a full price list, so a
line's price is an equi-join on code and day, without versions and without as-of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import psycopg2

Answers = dict[str, Any]

HASHED = {
    "fact_transactions": "transaction_id, product_sk, customer_sk, country_sk, date_sk, invoice_no,"
    " invoice_date, quantity, unit_price, total_amount, is_return",
    "dim_products": "product_sk, stock_code, description, category, unit_price, effective_date,"
    " end_date, is_current, withdrawn, next_effective_date",
    "dim_customers": "customer_sk, customer_id, first_purchase, last_purchase",
    "dim_countries": "country_sk, country_id, country, iso_code, region, sub_region",
    "dim_dates": "date_sk, date, year, quarter, month, month_name, day, weekday, is_weekend",
    "transactions_error": "error_id, transaction_id, rules, raw, source_file, source_line",
    "anomaly_baselines": "stock_code, month, line_count, median_qty, is_sufficient,"
    " round(std_deviation::numeric, 6)",
    "anomalies": "transaction_id, order_id, stock_code, quantity, median_qty, baseline_month,"
    " invoice_date, round(std_deviation::numeric, 6), round(z_score::numeric, 6),"
    " round(threshold::numeric, 6)",
}
# By their definition; of the fact's months, how many there are of each.
KEYS = """
SELECT contype, conrelid, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('p', 'u', 'f')
"""
CHECKS_AND_INDEXES = """
SELECT 'c', conrelid, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c'
UNION ALL
SELECT 'i', indrelid, regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '')
FROM pg_index
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
"""
OF_TABLES = """
SELECT count(*) || ' x ' || regexp_replace(t.relname, '_[0-9_]+$', '_month') || ': ' || d.text
FROM ({definitions}) AS d (kind, relid, text)
JOIN pg_class AS t ON t.oid = d.relid
WHERE
    t.relnamespace = %(schema)s::regnamespace
    AND regexp_replace(t.relname, '_[0-9_]+$', '') = ANY(%(tables)s)
GROUP BY regexp_replace(t.relname, '_[0-9_]+$', '_month'), d.kind, d.text
ORDER BY 1
"""
FIGURES = {
    "fact_rows": "SELECT count(*) FROM fact_transactions",
    "units": "SELECT sum(quantity) FROM fact_transactions",
    "revenue": "SELECT sum(total_amount) FROM fact_transactions",
    "guest_rows": "SELECT count(*) FROM fact_transactions WHERE customer_sk = -1",
    "return_rows": "SELECT count(*) FROM fact_transactions WHERE is_return",
    "customers": "SELECT count(*) FROM dim_customers WHERE customer_sk <> -1",
    "products": "SELECT count(DISTINCT stock_code) FROM dim_products",
    "product_versions": "SELECT count(*) FROM dim_products",
    "errors_unknown_country": "SELECT count(*) FROM transactions_error"
    " WHERE 'unknown_country' = ANY(rules)",
    "errors_no_price": "SELECT count(*) FROM transactions_error"
    " WHERE 'no_price_in_effect' = ANY(rules)",
}


def answers(dsn: dict[str, Any], schema: str) -> Answers:
    """Figures, of each table the rows and the sum of their hashes; keys, checks, indexes."""
    options = f"-c timezone=UTC -c search_path={schema}"
    with psycopg2.connect(**dsn, options=options) as connection, connection.cursor() as cur:
        found: Answers = {}
        for name, query in FIGURES.items():
            cur.execute(query)
            found[name] = str((cur.fetchone() or [None])[0])
        for table, columns in HASHED.items():
            cur.execute(
                f"SELECT count(*), sum(hashtextextended(ROW({columns})::text, 0)) FROM {table}"
            )
            found[table] = [str(value) for value in cur.fetchone() or ()]
        for name, definitions in (("keys", KEYS), ("checks and indexes", CHECKS_AND_INDEXES)):
            query = OF_TABLES.format(definitions=definitions)
            cur.execute(query, {"schema": schema, "tables": list(HASHED)})
            found[name] = [row[0] for row in cur.fetchall()]
    connection.close()
    return found


def same(one: Answers, other: Answers) -> None:
    """Hold two against each other, in what both tell, but for checks and indexes.

    Raises:
        AssertionError: they differ.
    """
    for name in sorted((one.keys() & other.keys()) - {"checks and indexes"}):
        assert one[name] == other[name], f"{name}: {one[name]} and {other[name]}"


def beyond(ours: Answers, script: Answers) -> list[str]:
    """Checks and indexes that we have on top of the script's.

    Raises:
        AssertionError: the script has one that we lack.
    """
    mine, theirs = set(ours["checks and indexes"]), set(script["checks and indexes"])
    assert theirs <= mine, f"only in the script: {sorted(theirs - mine)}"
    return sorted(mine - theirs)


def independent(landing: Path) -> Answers:
    """The same figures from the landing files, by Polars."""
    lines = _read(landing, "transactions").with_columns(
        day=pl.col("invoice_date").str.slice(0, 10), quantity=pl.col("quantity").cast(pl.Int64)
    )
    listed = _read(landing, "products").with_columns(
        day=pl.col("path").str.extract(r"_(\d{8})\.csv$").str.to_date("%Y%m%d").cast(pl.String),
        price=pl.col("unit_price").cast(pl.Decimal(12, 4)),
    )
    names = _read(landing, "countries").select("country", known=True)
    priced = (
        lines.join(listed.select("stock_code", "day", "price"), ["stock_code", "day"], how="left")
        .join(names, "country", how="left")
        .select("customer_id", "quantity", "price", "known")
        .collect()
    )
    fact = priced.filter(pl.col("price").is_not_null() & pl.col("known").is_not_null())
    revenue = fact.select((pl.col("price") * pl.col("quantity")).sum()).item()
    return {
        "fact_rows": str(fact.height),
        "units": str(fact["quantity"].sum()),
        "revenue": str(revenue),
        "guest_rows": str(fact["customer_id"].null_count()),
        "return_rows": str(fact.filter(pl.col("quantity") < 0).height),
        "customers": str(fact["customer_id"].drop_nulls().n_unique()),
        "errors_unknown_country": str(priced["known"].null_count()),
        "errors_no_price": str(priced["price"].null_count()),
        **_versions(listed),
    }


def _read(landing: Path, source: str) -> pl.LazyFrame:
    """All files of a source, every field as text."""
    return pl.scan_csv(landing / source / "*.csv", infer_schema=False, include_file_paths="path")


def _versions(listed: pl.LazyFrame) -> Answers:
    """Products, and how often one is listed otherwise than on the list before."""
    tracked = pl.struct("description", "category", "price")
    by_code = listed.sort("stock_code", "day").select(
        "stock_code",
        starts=(pl.col("stock_code") != pl.col("stock_code").shift(1)).fill_null(value=True)
        | (tracked != tracked.shift(1)),
    )
    starts = by_code.filter("starts").collect()
    return {
        "products": str(starts["stock_code"].n_unique()),
        "product_versions": str(starts.height),
    }
