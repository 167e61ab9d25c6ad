"""Faults to plant, each for the check that has to find it."""

from __future__ import annotations

from jobs.common.contracts import PRODUCTS, PRODUCTS_SNAPSHOTS, TRANSACTIONS_RAW, Table

A_LINE = "WHERE invoice_no = 'on the 3rd'"
NO_TRIGGERS = "SET session_replication_role = replica"
COPY = (
    "INSERT INTO fact_transactions SELECT {id}, product_sk, customer_sk, country_sk, {date_sk},"
    " {invoice}, {date}, quantity, unit_price, total_amount, is_return, batch_id, file_key,"
    f" {{line}} FROM fact_transactions {A_LINE}"
)
TWICE = COPY.format(
    id="transaction_id",
    date_sk=20250305,
    invoice="invoice_no",
    date="'2025-03-05 00:00Z'",
    line="source_line",
)
GHOST = COPY.format(
    id="'ghost-1'", date_sk="date_sk", invoice="'ghost'", date="invoice_date", line=98
)
OTHER_VERSION = (
    "UPDATE fact_transactions SET product_sk = p.product_sk, unit_price = p.unit_price"
    " FROM dim_products AS p WHERE invoice_no = 'on the 3rd' AND p.stock_code = 'A1'"
    " AND NOT p.is_current"
)
NO_LINE = (
    "INSERT INTO anomalies (transaction_id, order_id, stock_code, quantity, median_qty,"
    " std_deviation, z_score, threshold, baseline_month, invoice_date, batch_id)"
    " VALUES ('gone-1', 'gone', 'A1', 9, 1, 1, 8, 3, '2025-03-01', '2025-03-03Z', 1)"
)
A_DAY_OF_9 = (
    "INSERT INTO ops.sales_by_day SELECT '2025-03-10'::date + n, CASE n WHEN 15 THEN 9"
    " ELSE 100 END, 1, 0 FROM generate_series(1, 15) AS n"
)
ARCHIVED = (
    "INSERT INTO ops.archived_months (month, lines, units, revenue, run_id)"
    " SELECT '2009-12-01', 3, 3, 9, min(run_id) FROM ops.runs"
)
PENDING = (
    "INSERT INTO ops.pending_files"
    " SELECT repeat('a', 64), 'x', now(), 1, 1, min(run_id) FROM ops.runs"
)
SAME_SUMS = (
    "UPDATE fact_transactions SET quantity = quantity + 1 WHERE invoice_no = 'twice';"
    f"UPDATE fact_transactions SET quantity = quantity - 1 {A_LINE}"
)

IN_GOLD = [
    ("transaction_ids_are_unique", TWICE),
    ("lines_point_to_dimensions", f"{NO_TRIGGERS}; DELETE FROM dim_countries"),
    ("lines_point_to_dimensions", f"{NO_TRIGGERS}; DELETE FROM dim_dates WHERE day = 3"),
    ("lines_point_to_dimensions", f"{NO_TRIGGERS}; DELETE FROM dim_products"),
    (
        "lines_point_to_dimensions",
        f"{NO_TRIGGERS}; DELETE FROM dim_customers WHERE customer_sk = -1",
    ),
    ("lines_agree_with_themselves", f"UPDATE fact_transactions SET total_amount = 0 {A_LINE}"),
    ("lines_agree_with_themselves", f"UPDATE fact_transactions SET is_return = TRUE {A_LINE}"),
    ("lines_agree_with_themselves", f"UPDATE fact_transactions SET date_sk = 20250331 {A_LINE}"),
    ("lines_agree_with_themselves", f"UPDATE fact_transactions SET invoice_no = 'x' {A_LINE}"),
    ("lines_are_in_range", f"UPDATE fact_transactions SET quantity = 0 {A_LINE}"),
    ("lines_are_in_range", f"UPDATE fact_transactions SET unit_price = -1 {A_LINE}"),
    ("prices_are_of_their_day", f"UPDATE fact_transactions SET unit_price = 99 {A_LINE}"),
    ("prices_are_of_their_day", OTHER_VERSION),
    (
        "product_versions_form_a_chain",
        f"{NO_TRIGGERS}; UPDATE dim_products SET end_date = '2025-03-02' WHERE NOT is_current",
    ),
    (
        "product_versions_form_a_chain",
        f"{NO_TRIGGERS}; UPDATE dim_products SET end_date = '2025-03-09' WHERE NOT is_current",
    ),
    ("customers_have_their_dates", "UPDATE dim_customers SET last_purchase = '2026-01-01Z'"),
    ("customers_have_their_dates", "INSERT INTO dim_customers VALUES (9, 'C9', now(), now())"),
    ("dates_are_right", "UPDATE dim_dates SET weekday = 'Caturday' WHERE day = 3"),
    (
        "errors_are_not_in_the_fact",
        "UPDATE transactions_error SET transaction_id = 'guest-1' WHERE source_line = 5",
    ),
    ("errors_are_not_in_the_fact", "UPDATE transactions_error SET file_key = 1"),
    ("anomalies_are_of_lines", NO_LINE),
    ("sums_are_of_all_lines", "UPDATE ops.sales_by_month SET revenue = revenue + 1"),
    ("sums_are_of_all_lines", "DELETE FROM ops.sales_by_buyer"),
    ("sums_are_of_all_lines", "UPDATE ops.sales_by_day SET sales = sales + 1"),
    ("sums_are_of_all_lines", f"{NO_TRIGGERS}; DELETE FROM fact_transactions {A_LINE}"),
    ("last_day_has_its_usual_lines", A_DAY_OF_9),
    (
        "newest_list_has_its_usual_rows",
        "UPDATE ops.loaded_snapshots SET row_count = 3 WHERE snapshot_date = '2025-03-03'",
    ),
    ("nothing_is_held_back", PENDING),
    ("reconcile_lines", f"DELETE FROM fact_transactions {A_LINE}"),
    ("reconcile_lines", f"UPDATE fact_transactions SET unit_price = 99 {A_LINE}"),
    ("reconcile_lines", f"UPDATE fact_transactions SET customer_sk = -1 {A_LINE}"),
    ("reconcile_lines", GHOST),
    ("reconcile_lines", SAME_SUMS),
    ("reconcile_errors", "DELETE FROM transactions_error WHERE source_line = 5"),
    ("reconcile_errors", "UPDATE transactions_error SET rules = '{x}' WHERE source_line = 5"),
    ("reconcile_files", "DELETE FROM ops.loaded_files WHERE line_count = 7"),
    ("reconcile_products", "UPDATE dim_products SET description = 'x' WHERE is_current"),
    ("reconcile_countries", "UPDATE dim_countries SET region = 'x'"),
    ("reconcile_archive", ARCHIVED),
]

RAW, LISTS = TRANSACTIONS_RAW.full_name, PRODUCTS_SNAPSHOTS.full_name
FIELDS = "invoice_no, line_no, stock_code, quantity, invoice_date"
SOURCE = "source_file, 99, file_sha256, batch_id"


def a_row(fields: str = FIELDS, source: str = SOURCE) -> str:
    """One more row of a file that is there."""
    return (
        f"INSERT INTO {RAW} SELECT {fields}, customer_id, country, problem, raw_fields, raw_bytes,"
        f" window_start, {source} FROM {RAW} WHERE invoice_no = 'on the 3rd'"
    )


A_BAD_ROW = (
    f"INSERT INTO {RAW} SELECT {FIELDS}, customer_id, country, 'bad', '{{}}', CAST('x' AS BINARY),"
    f" window_start, {SOURCE} FROM {RAW} WHERE invoice_no = 'guest'"
)
AN_OVERLAP = (
    f"INSERT INTO {PRODUCTS.full_name} SELECT stock_code, description, category, unit_price,"
    " DATE '2025-03-02', DATE '2025-03-09', FALSE, FALSE"
    f" FROM {PRODUCTS.full_name} WHERE stock_code = 'B2'"
)
A_NEWER_LIST = (
    f"INSERT INTO {LISTS} SELECT snapshot_date, revision + 1, stock_code, description, category,"
    " 99, stock_quantity, source_file, source_line, file_sha256, batch_id"
    f" FROM {LISTS} WHERE snapshot_date = DATE '2025-03-03' AND stock_code = 'A1'"
)

IN_BRONZE: list[tuple[str, Table, str]] = [
    (
        "bronze_lines_are_once",
        TRANSACTIONS_RAW,
        a_row(source="source_file, source_line, file_sha256, batch_id"),
    ),
    (
        "bronze_files_have_one_name_and_window",
        TRANSACTIONS_RAW,
        a_row(source="'x.csv', 99, file_sha256, batch_id"),
    ),
    (
        "bronze_usable_lines_have_their_keys",
        TRANSACTIONS_RAW,
        a_row("NULL, line_no, stock_code, quantity, invoice_date"),
    ),
    (
        "bronze_usable_lines_are_in_range",
        TRANSACTIONS_RAW,
        a_row("invoice_no, line_no, stock_code, 0, invoice_date"),
    ),
    (
        "bronze_usable_lines_are_in_range",
        TRANSACTIONS_RAW,
        a_row("invoice_no, line_no, stock_code, 1, TIMESTAMP '2025-04-20 00:00:00'"),
    ),
    ("bronze_bad_lines_are_few", TRANSACTIONS_RAW, A_BAD_ROW),
    ("bronze_product_versions_form_a_chain", PRODUCTS, AN_OVERLAP),
    ("bronze_current_products_are_of_the_newest_list", PRODUCTS_SNAPSHOTS, A_NEWER_LIST),
]
