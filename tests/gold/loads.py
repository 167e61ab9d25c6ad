"""Loads into a gold database from staging tables filled by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from psycopg2.extras import execute_values

from jobs.common.runlog import Run, run_context
from jobs.common.settings import Settings
from jobs.gold import staging
from jobs.gold.postgres_load_fact import load
from jobs.gold.staged import SourceFile, Staged
from tests.support import databases
from tests.support.databases import Rows, query

Row = dict[str, Any]

FEBRUARY = "2011-02-10 09:00+00"  # a moment, where lines are of January by default

EMPTY = """
DO $$
DECLARE
    v_month regclass;
BEGIN
    FOR v_month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'fact_transactions'::regclass
    LOOP
        EXECUTE 'DROP TABLE ' || v_month;
    END LOOP;
END $$;
DELETE FROM transactions_error;
DELETE FROM anomalies;
DELETE FROM dim_products;
DELETE FROM dim_customers WHERE customer_sk <> -1;
DELETE FROM dim_countries;
DELETE FROM dim_dates;
TRUNCATE ops.mail_findings, ops.mail_outbox, ops.sales_changes, ops.fact_months, ops.watermarks,
    ops.loaded_files, ops.loaded_snapshots, ops.empty_files, ops.late_views, ops.checks,
    ops.rejected_rows, ops.sales_by_month, ops.sales_by_buyer, ops.sales_by_day,
    ops.breaker_trips, ops.pending_files, ops.erased_customers, ops.redacted_files,
    ops.corrections, ops.archived_months, ops.archived_ids, ops.runs;
"""


def line(transaction_id: str | None = "1-1", **changed: Any) -> Row:
    """A staged line: 4 of A1 at 2.5 by C1 in France, 5 January 2011."""
    row: Row = {
        "product_sk": 1,
        "country_sk": 250,
        "invoice_date": "2011-01-05 09:00+00",
        "quantity": 4,
        "unit_price": Decimal("2.5"),
        "customer_id": "C1",
        "rules": None,
        "raw": None,
        **changed,
    }
    return row | {
        "transaction_id": transaction_id,
        "customer_sk": int(row["customer_id"][1:]) if row["customer_id"] else -1,
        "date_sk": int(row["invoice_date"][:10].replace("-", "")),
        "invoice_no": (transaction_id or "?").split("-", maxsplit=1)[0],
        "total_amount": row["quantity"] * row["unit_price"],
    }


def bad(transaction_id: str | None = "1-1", *rules: str, **changed: Any) -> Row:
    """A staged line in error: of an unknown country, unless told otherwise."""
    raw = json.dumps({"quantity": "4", "country": "RSA"})
    broken = "{" + ",".join(rules or ("unknown_country",)) + "}"
    return line(transaction_id, rules=broken, raw=raw, **changed)


def product(key: int, code: str, start: str, end: str | None = None, **changed: Any) -> Row:
    """A staged version of a product."""
    return {
        "product_sk": key,
        "stock_code": code,
        "description": "RED MUG",
        "category": "Kitchen",
        "unit_price": "2.5",
        "effective_date": start,
        "end_date": end,
        "is_current": end is None,
        "withdrawn": False,
        **changed,
    }


def country(key: int, name: str) -> Row:
    """A staged country."""
    return {
        "country_id": key,
        "country": name,
        "iso_code": None,
        "region": "Europe",
        "sub_region": None,
    }


A1, B2 = product(1, "A1", "2010-01-01"), product(2, "B2", "2010-01-01")
FRANCE, GERMANY = country(250, "France"), country(276, "Germany")


@dataclass(frozen=True)
class File:
    """A transactions file: its hash is one letter, or some, again and again."""

    letter: str
    lines: Sequence[Row]
    window: str = "2011-01-05T08:00"

    @property
    def source(self) -> SourceFile:
        window = datetime.fromisoformat(self.window).replace(tzinfo=UTC)
        return SourceFile((self.letter * 64)[:64], f"{self.letter}.csv", window, len(self.lines))

    def staged(self, *, is_new: bool) -> list[Row]:
        """Its lines, from line 2 on unless they say where they are."""
        where = {"file_key": self.source.file_key, "is_new": is_new}
        return [{"source_line": n, **row, **where} for n, row in enumerate(self.lines, start=2)]


@dataclass
class Loads:
    """Loads into one gold database, and what it then holds."""

    settings: Settings
    reference: Row = field(
        default_factory=lambda: {"products": [A1, B2], "countries": [FRANCE, GERMANY]}
    )

    def stage(self, run: Run, *files: File, again: Sequence[File] = (), **more: Any) -> Staged:
        """Fill the run's staging. The first load stages products and countries, too."""
        given, self.reference = {**self.reference, **more}, {}
        lines = [row for f in files for row in f.staged(is_new=True)]
        lines += [row for f in again for row in f.staged(is_new=False)]
        _fill(run, staging.LINES, lines)
        for table in (staging.PRODUCTS, staging.COUNTRIES):
            if table.kind in given:
                _fill(run, table, given[table.kind])
        return Staged(
            [f.source for f in files],
            len(lines),
            "products" in given,
            "countries" in given,
            given.get("snapshots", {}),
            lists=given.get("lists", []),
        )

    def take(self, *files: File, accept: str | None = None, **more: Any) -> Run:
        """One load; its counts always add up."""
        with run_context(self.settings, "fact_postgres", ("gold",)) as run:
            load(run, self.stage(run, *files, **more), accept)
            staging.drop(run.conn, run)
        c = run.counts
        assert c["rows_in"] == sum(len(f.lines) for f in files)
        assert c["rows_in"] == c["loaded"] + c["unchanged"] + c["superseded"] + c["error"]
        return run

    def ask(self, statement: str, *values: Any) -> Rows:
        return query(self.settings, statement, *values)

    def state(self) -> dict[str, Rows]:
        return databases.state(self.settings)

    def facts(self) -> Rows:
        """Line, quantity, day, customer, letter of its file."""
        return self.ask(
            "SELECT f.transaction_id, f.quantity, d.date::text, c.customer_id,"
            " left(l.file_sha256, 1) FROM fact_transactions AS f"
            " JOIN dim_dates AS d USING (date_sk) JOIN dim_customers AS c USING (customer_sk)"
            " JOIN ops.loaded_files AS l USING (file_key) ORDER BY 1"
        )

    def errors(self) -> Rows:
        """Line, rules, status, attempts, batch, letter of its file."""
        return self.ask(
            "SELECT e.transaction_id, e.rules, e.status, e.attempts, e.batch_id,"
            " left(l.file_sha256, 1) FROM transactions_error AS e"
            " JOIN ops.loaded_files AS l USING (file_key) ORDER BY 1, e.source_line"
        )

    def customers(self) -> Rows:
        """Customers with the days of their first and last line."""
        return self.ask(
            "SELECT customer_id, first_purchase::date::text, last_purchase::date::text"
            " FROM dim_customers WHERE customer_sk <> -1 ORDER BY 1"
        )

    def changes(self, run: Run) -> Rows:
        """What a run left for the anomaly job."""
        return self.ask(
            "SELECT stock_code, month::text, reason FROM ops.sales_changes WHERE batch_id = %s"
            " ORDER BY 1, 2, 3",
            run.run_id,
        )

    def row_versions(self) -> Rows:
        """Postgres' own mark of who wrote a row last, for all that readers see."""
        tables = ("fact_transactions", "dim_products", "dim_customers", "dim_countries",
                  "dim_dates")  # fmt: skip
        parts = (f"SELECT '{t}', xmin::text, ctid::text, t::text FROM {t} AS t" for t in tables)
        return self.ask(" UNION ALL ".join(parts) + " ORDER BY 1, 4")


def _fill(run: Run, table: staging.StagingTable, rows: Sequence[Row]) -> None:
    staging.create(run.conn, table, run)
    names = table.column_names
    values = [[row[name] for name in names] for row in rows]
    if values:
        with run.conn, run.conn.cursor() as cur:
            execute_values(
                cur, f"INSERT INTO staging.{table.name(run)} ({', '.join(names)}) VALUES %s", values
            )
