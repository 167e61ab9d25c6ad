"""Table contracts: name, grain, columns, keys and comments, each stated once.

Stages meet only here. The lake's DDL, its comments, the catalogue in the docs and the
tests come from these objects; `sql/migrations` states the same for Postgres, and a test
holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

BRONZE = "ecommerce_db"
DW = "ecommerce_dw"


@dataclass(frozen=True)
class Column:
    """A column: its Spark SQL type and what it means."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """A table of the lake. `keys` are the columns that tell rows apart."""

    database: str
    name: str
    grain: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    partitioned_by: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def full_name(self) -> str:
        """`database.table`."""
        return f"{self.database}.{self.name}"

    @property
    def column_names(self) -> list[str]:
        """Names in order."""
        return [column.name for column in self.columns]

    @property
    def schema(self) -> str:
        """The row as a Spark DDL string."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)


SOURCE = (
    Column("source_file", "string", "Name under which the file first arrived"),
    Column("source_line", "int", "Line at which the row starts; the header is line 1"),
    Column("file_sha256", "string", "SHA-256 of the file's bytes: its identity"),
    Column("batch_id", "bigint", "The run (ops.runs) that took the file"),
)

# A small file of a 4-hour window is one data file: its bounds on file_sha256 rule it in or out.
_LEDGER_METRICS = ("write.metadata.metrics.column.file_sha256", "full")
# Writers sort themselves where it matters; a shuffle before each append would cost more.
_NO_SHUFFLE = ("write.distribution-mode", "none")
_RETRIES = ("commit.retry.num-retries", "20")
_FORMAT = ("format-version", "2")
# Says that all files of a table lie as its contract has it; tables of older homes lack it.
LAYOUT = "warehouse.layout"

TRANSACTIONS_RAW = Table(
    BRONZE,
    "transactions_raw",
    "One row a record of an accepted transactions file, bad ones included (append-only)",
    (
        Column("invoice_no", "string", "The invoice"),
        Column("line_no", "int", "Line of the invoice, from 1"),
        Column("stock_code", "string", "The product, trimmed, upper case"),
        Column("quantity", "int", "Units; negative for a return"),
        Column("invoice_date", "timestamp", "Time of the invoice (UTC)"),
        Column("customer_id", "string", "The customer; null for a guest"),
        Column("country", "string", "Country name, as the shop writes it"),
        Column("problem", "string", "Why the record cannot be used; null when it can"),
        Column("raw_fields", "string", "JSON of a bad record's fields; null for a good one"),
        Column("raw_bytes", "binary", "A bad record's exact bytes; null for a good one"),
        Column("window_start", "timestamp", "Start of the file's 4-hour window, from its name"),
        *SOURCE,
    ),
    ("file_sha256", "source_line"),
    ("months(invoice_date)",),
    (_FORMAT, _RETRIES, _NO_SHUFFLE, _LEDGER_METRICS, ("write.spark.fanout.enabled", "true")),
)

_PRODUCT_ATTRIBUTES = (
    Column("stock_code", "string", "The product, trimmed, upper case"),
    Column("description", "string", "Name of the product"),
    Column("category", "string", "Product category"),
    Column("unit_price", "decimal(12,4)", "List price of one unit"),
)

PRODUCTS_SNAPSHOTS = Table(
    BRONZE,
    "products_snapshots",
    "One row a product of an accepted products file (append-only)",
    (
        Column("snapshot_date", "date", "Date in the file's name: the day its prices take effect"),
        Column(
            "revision",
            "int",
            "0, and one more each time the date's file was replaced; the highest counts",
        ),
        *_PRODUCT_ATTRIBUTES,
        Column("stock_quantity", "int", "Units in stock, when the file says; not tracked"),
        *SOURCE,
    ),
    ("snapshot_date", "revision", "stock_code"),
    ("months(snapshot_date)",),
    (_FORMAT, _RETRIES, _NO_SHUFFLE, ("write.spark.fanout.enabled", "true")),
)

PRODUCTS = Table(
    BRONZE,
    "products",
    "One row a version of a product (SCD type 2), in effect in [effective_date, end_date)",
    (
        *_PRODUCT_ATTRIBUTES,
        Column("effective_date", "date", "First day on which this version is in effect"),
        Column("end_date", "date", "First day on which it no longer is; null for the current one"),
        Column("is_current", "boolean", "Whether end_date is null"),
        Column("withdrawn", "boolean", "Whether it ended because the product left the price list"),
    ),
    ("stock_code", "effective_date"),
    ("is_current",),
    (
        *(_FORMAT, _RETRIES, _NO_SHUFFLE, ("write.spark.fanout.enabled", "true")),
        (LAYOUT, "current versions apart"),
    ),
)

_COUNTRY_ATTRIBUTES = (
    Column("country_id", "int", "UN numeric code"),
    Column("country", "string", "Name, as the shop writes it"),
    Column("iso_code", "string", "ISO 3166-1 alpha-2 code"),
    Column("region", "string", "UN M49 region"),
    Column("sub_region", "string", "UN M49 sub-region"),
)

COUNTRIES_SNAPSHOTS = Table(
    BRONZE,
    "countries_snapshots",
    "One row a country of an accepted countries file (append-only)",
    (
        Column("snapshot_date", "date", "Date in the file's name"),
        Column(
            "revision",
            "int",
            "0, and one more each time the date's file was replaced; the highest counts",
        ),
        *_COUNTRY_ATTRIBUTES,
        *SOURCE,
    ),
    ("snapshot_date", "revision", "country_id"),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

COUNTRIES = Table(
    BRONZE,
    "countries",
    "One row a country (SCD type 0: the value of the earliest-dated file stays)",
    (
        *_COUNTRY_ATTRIBUTES,
        Column("first_seen_date", "date", "Date of the file whose value stays"),
    ),
    ("country_id",),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

BRONZE_TABLES = (TRANSACTIONS_RAW, PRODUCTS_SNAPSHOTS, PRODUCTS, COUNTRIES_SNAPSHOTS, COUNTRIES)

DW_DIM_PRODUCTS = Table(
    DW,
    "dim_products",
    "One row a version of a product, as in gold",
    (
        Column("product_sk", "bigint", "Surrogate key, as in gold"),
        *PRODUCTS.columns,
    ),
    ("product_sk",),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

DW_DIM_CUSTOMERS = Table(
    DW,
    "dim_customers",
    "One row a customer with a fact line, and the unknown member -1, as in gold",
    (
        Column("customer_sk", "bigint", "Surrogate key, as in gold"),
        Column("customer_id", "string", "The shop's customer number; null for guests"),
        Column("first_purchase", "timestamp", "Time of the first invoice line (UTC)"),
        Column("last_purchase", "timestamp", "Time of the last invoice line (UTC)"),
    ),
    ("customer_sk",),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

DW_DIM_COUNTRIES = Table(
    DW,
    "dim_countries",
    "One row a country, as in gold",
    (Column("country_sk", "bigint", "Surrogate key, as in gold"), *_COUNTRY_ATTRIBUTES),
    ("country_sk",),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

DW_DIM_DATES = Table(
    DW,
    "dim_dates",
    "One row a day (UTC), as in gold",
    (
        Column("date_sk", "int", "Surrogate key: yyyymmdd"),
        Column("date", "date", "The day"),
        Column("year", "int", "Year"),
        Column("quarter", "int", "Quarter, 1 to 4"),
        Column("month", "int", "Month, 1 to 12"),
        Column("month_name", "string", "English name of the month"),
        Column("day", "int", "Day of the month"),
        Column("weekday", "string", "English name of the weekday"),
        Column("is_weekend", "boolean", "Saturday or Sunday"),
    ),
    ("date_sk",),
    (),
    (_FORMAT, _RETRIES, _NO_SHUFFLE),
)

DW_FACT = Table(
    DW,
    "fact_transactions",
    "One row an invoice line, as in gold; partitioned by year and month",
    (
        Column("transaction_id", "string", "<invoice_no>-<line_no>"),
        Column("product_sk", "bigint", "The product version in effect on the day"),
        Column("customer_sk", "bigint", "The customer; -1 for guests"),
        Column("country_sk", "bigint", "The country"),
        Column("date_sk", "int", "The day (UTC), yyyymmdd"),
        Column("invoice_no", "string", "The invoice"),
        Column("invoice_date", "timestamp", "Time of the invoice (UTC)"),
        Column("quantity", "int", "Units; negative for a return"),
        Column("unit_price", "decimal(12,4)", "List price of one unit on that day"),
        Column("total_amount", "decimal(18,4)", "quantity x unit_price"),
        Column("is_return", "boolean", "quantity < 0"),
        Column("batch_id", "bigint", "The run (ops.runs) that last wrote the line"),
        Column("year", "int", "Year of the line (UTC)"),
        Column("month", "int", "Month of the line (UTC)"),
    ),
    ("transaction_id",),
    ("year", "month"),
    (_FORMAT, _RETRIES, _NO_SHUFFLE, ("write.spark.fanout.enabled", "true")),
)

DW_TABLES = (DW_DIM_PRODUCTS, DW_DIM_CUSTOMERS, DW_DIM_COUNTRIES, DW_DIM_DATES, DW_FACT)
