"""Which job reads and writes what; stated here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.common import contracts


@dataclass(frozen=True)
class Job:
    """What a job reads besides what it writes, and what it writes."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


_STAR = ("fact_transactions", "dim_products", "dim_customers", "dim_countries", "dim_dates")
_SALES = ("fact_transactions", "dim_products")
_OUTBOX = ("ops.mail_outbox", "ops.mail_findings")
_REFUSALS = ("ops.rejected_rows", "ops.checks")
_ARCHIVE = ("ops.archived_months", "ops.archived_ids")
_LOAD = Job(
    (
        *("ecommerce_db.transactions_raw", "ecommerce_db.products", "ecommerce_db.countries"),
        *("ecommerce_db.products_snapshots", "ecommerce_db.countries_snapshots"),
        *(*_ARCHIVE, contracts.DW_FACT.full_name),
    ),
    (
        *(*_STAR, "transactions_error", "ops.checks", "ops.loaded_files", "ops.watermarks"),
        *("ops.loaded_snapshots", "ops.fact_months", "ops.sales_changes", *_OUTBOX),
        *("ops.sales_by_month", "ops.sales_by_buyer", "ops.sales_by_day"),
        *("ops.breaker_trips", "ops.pending_files", "ops.corrections"),
    ),
)
_SCORE = Job(
    (*_SALES, "ops.archived_months"),
    ("anomaly_baselines", "anomalies", "ops.sales_changes", *_OUTBOX),
)

LINEAGE = {
    "setup": Job((), ("ops.schema_migrations", "ops.signing_key", "ops.erasure_key")),
    "ingest_products": Job(
        ("landing/products",),
        ("ecommerce_db.products_snapshots", "ecommerce_db.products", *_REFUSALS),
    ),
    "ingest_countries": Job(
        ("landing/countries",),
        ("ecommerce_db.countries_snapshots", "ecommerce_db.countries", *_REFUSALS),
    ),
    "ingest_transactions": Job(
        ("landing/transactions",),
        (
            *("ecommerce_db.transactions_raw", "ops.empty_files", "ops.checks"),
            "ops.redacted_files",
        ),
    ),
    "fact_postgres": _LOAD,
    "replay_errors": _LOAD,
    "correct": _LOAD,
    "detect_anomalies": _SCORE,
    "refresh_baselines": _SCORE,
    "review_anomaly": Job(_SCORE.reads, (*_SCORE.writes, "anomaly_history")),
    "send_mail": Job(
        (
            *("anomalies", "transactions_error", "ops.mail_findings", "anomaly_baselines"),
            *(*_SALES, "ops.runs", "ops.late_views", "ops.breaker_trips", "ops.checks"),
        ),
        ("ops.mail_outbox",),
    ),
    "dw": Job(
        (*_STAR, "ops.watermarks", "ops.fact_months", "ops.loaded_files", *_ARCHIVE),
        tuple(table.full_name for table in contracts.DW_TABLES),
    ),
    "archive": Job(
        _LOAD.reads,
        (
            *_LOAD.writes,
            *_ARCHIVE,
            *(table.full_name for table in contracts.DW_TABLES),
        ),
    ),
    "maintain": Job(
        (),
        (
            *(table.full_name for table in contracts.BRONZE_TABLES + contracts.DW_TABLES),
            "ops.watermarks",
        ),
    ),
    "check_readiness": Job(
        (
            *("ops.runs", "ops.loaded_files", "ops.loaded_snapshots", "ops.empty_files"),
            *("ops.sales_changes", "anomalies", "anomaly_baselines", "transactions_error"),
            *_STAR,
        ),
        ("ops.checks", "ops.late_views", *_OUTBOX),
    ),
    "check_data": Job(
        (
            *(table.full_name for table in contracts.BRONZE_TABLES),
            *(*_STAR, "transactions_error", "anomalies", "ops.loaded_files", "ops.watermarks"),
            *("ops.loaded_snapshots", "ops.sales_by_month", "ops.sales_by_buyer"),
            *("ops.sales_by_day", "ops.pending_files"),
            *("ops.archived_months", contracts.DW_FACT.full_name),
        ),
        ("ops.checks", *_OUTBOX),
    ),
    "erase_customer": Job(
        ("landing/transactions", "ops.loaded_files", "ops.archived_months"),
        (
            *("ops.erased_customers", "ops.redacted_files", "ecommerce_db.transactions_raw"),
            *("fact_transactions", "dim_customers", "transactions_error", "ops.sales_by_buyer"),
            *("ops.fact_months", "ops.watermarks", "ops.checks"),
            *(table.full_name for table in contracts.DW_TABLES),
        ),
    ),
    "report": Job(("ops.runs", "ops.checks"), ()),
    "every job": Job((), ("ops.runs",)),
}
