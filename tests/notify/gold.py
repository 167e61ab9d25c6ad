"""Findings in a real gold database, put there as the jobs do."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Placeholder

from jobs.common.db import connect
from jobs.common.settings import Settings

# In an order that the foreign keys allow.
EMPTIED = (
    "ops.mail_findings",
    "ops.mail_outbox",
    "anomalies",
    "transactions_error",
    "anomaly_baselines",
    "fact_transactions",
    "dim_products",
    "dim_countries",
    "dim_dates",
    "ops.sales_changes",
    "ops.runs",
)


class Gold:
    """Puts findings into gold as the jobs do, and looks at the outbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loader = connect(settings, "loader")
        self.loader.autocommit = True
        self.made = 0

    def ask(self, statement: str | Composable, *values: object) -> list[tuple[Any, ...]]:
        with self.loader.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def clear(self) -> None:
        """Nothing found, nothing to tell."""
        with closing(connect(self.settings, "owner")) as owner, owner, owner.cursor() as cursor:
            # Quicker than TRUNCATE for a handful of rows.
            cursor.execute(";".join(f"DELETE FROM {table}" for table in EMPTIED))

    def new_run(self, job: str, counts: str = "{}") -> int:
        return int(
            self.ask(
                "INSERT INTO ops.runs (job, status, who, backend_pid, counts)"
                " VALUES (%s, 'done', 'test', 0, %s) RETURNING run_id",
                job,
                counts,
            )[0][0]
        )

    def find_odd(self, lines: int = 1, quantity: int = 500) -> int:
        """A detection run that flags lines; returns its number."""
        run = self.new_run("detect_anomalies")
        for _ in range(lines):
            self.made += 1
            self.flag(run, f"536365-{self.made}", quantity=quantity)
        self.ask("SELECT ops.add_finding('anomalies', %s, %s)", run, lines)
        return run

    def flag(self, run: int, transaction_id: str, **given: object) -> None:
        """An anomaly; only what the test is about need be given."""
        row = {
            "transaction_id": transaction_id,
            "order_id": transaction_id.split("-", maxsplit=1)[0],
            "stock_code": "85123A",
            "quantity": 500,
            "median_qty": 6,
            "std_deviation": 4,
            "z_score": 123.5,
            "threshold": 14,
            "baseline_month": "2010-12-01",
            "invoice_date": "2010-12-05 10:00+00",
            "batch_id": run,
            **given,
        }
        self.insert("anomalies", row)

    def insert(self, table: str, row: dict[str, object]) -> None:
        """One row."""
        statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
            Identifier(*table.split(".")),
            SQL(", ").join(map(Identifier, row)),
            SQL(", ").join(Placeholder() * len(row)),
        )
        self.ask(statement, *row.values())

    def find_error(self, rule: str = "unknown_country", country: str = "RSA") -> int:
        """A load that sets a line aside; returns its number."""
        self.made += 1
        run = self.new_run("fact_postgres", '{"rows_in": 200}')
        self.ask(
            "INSERT INTO transactions_error (error_id, transaction_id, raw, rules, source_file,"
            " source_line, file_key, batch_id) VALUES (%s, %s,"
            " jsonb_build_object('quantity', '12', 'country', %s::text), ARRAY[%s],"
            " 'transactions_20101205T0800.csv', 7, 1, %s)",
            f"error {self.made}",
            f"536366-{self.made}",
            country,
            rule,
            run,
        )
        self.ask("SELECT ops.add_finding('errors', %s, 1)", run)
        return run

    def outbox(self) -> list[tuple[str, int]]:
        """Status and attempts of each mail."""
        return self.ask("SELECT status, attempts FROM ops.mail_outbox ORDER BY mail_id")

    def last_error(self) -> str:
        return str(self.ask("SELECT last_error FROM ops.mail_outbox ORDER BY mail_id")[-1][0])
