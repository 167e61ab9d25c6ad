"""A shop whose lines reach gold as the load brings them, and what the anomaly job makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from jobs.analytics import detect_anomalies, refresh_baselines, review_anomaly
from jobs.analytics.review_anomaly import Review
from jobs.common.db import Role, connect
from jobs.common.job import JobContext
from jobs.common.runlog import Run
from jobs.common.settings import Settings
from tests.analytics.oracle import Coverage, Flag, Line, Rule
from tests.support.databases import Rows

USUAL = [2, 2, 5, 5, 5, 5, 5, 5, 8, 8]  # median 5, sample variance 36 / 9: flagged above 9
ODD = "20-1"
FRANCE = 250
NEW_PRICES = date(2010, 7, 1)
PRICES = {date(2000, 1, 1): 1, NEW_PRICES: 2}

# In an order that the foreign keys allow.
EMPTIED = (
    "ops.mail_findings",
    "ops.mail_outbox",
    "anomaly_history",
    "anomalies",
    "anomaly_baselines",
    "fact_transactions",
    "ops.sales_changes",
    "ops.runs",
)


def sale(
    number: int | str, quantity: int, when: str, stock_code: str = "MUG", line_no: int = 1
) -> Line:
    """A line; `when` is ISO, in UTC, its time may be left out."""
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return Line(f"{number}-{line_no}", stock_code, quantity, moment)


def sales(first: int, quantities: Iterable[int], when: str, stock_code: str = "MUG") -> list[Line]:
    """Lines numbered from `first`, a minute apart."""
    lines = [sale(first + n, quantity, when, stock_code) for n, quantity in enumerate(quantities)]
    return [
        Line(x.transaction_id, x.stock_code, x.quantity, x.invoice_date + timedelta(minutes=n))
        for n, x in enumerate(lines)
    ]


def product_sk(stock_code: str, effective: date) -> int:
    return int(hashlib.sha256(f"{stock_code}|{effective}".encode()).hexdigest()[:15], 16)


def effective_on(line: Line) -> date:
    return max(day for day in PRICES if day <= line.invoice_date.astimezone(UTC).date())


class Shop:
    """Gold of one shop, empty at first. `lines` is what it holds, by transaction_id."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loader = connect(settings, "loader")
        self._open: dict[Role, Connection] = {"loader": self.loader}
        self.lines: dict[str, Line] = {}
        self._months: set[date] = set()
        self._products: set[str] = set()
        with self.loader, self.loader.cursor() as cur:
            cur.execute(
                "INSERT INTO dim_countries (country_sk, country_id, country)"
                " VALUES (%(id)s, %(id)s, 'France')",
                {"id": FRANCE},
            )

    def clear(self, rule: Rule | None = None) -> Shop:
        """The same without a line or a run, under another rule."""
        rule = rule or Rule()
        with closing(connect(self.settings, "owner")) as owner, owner, owner.cursor() as cur:
            cur.execute(";".join(f"DELETE FROM {table}" for table in EMPTIED))
        self.lines.clear()
        self.settings = self.settings.model_copy(
            update={
                "anomaly_k": float(rule.k),
                "anomaly_min_lines": rule.min_lines,
                "anomaly_baseline": rule.mode,
            }
        )
        return self

    @property
    def rule(self) -> Rule:
        """The rule that the shop's settings say."""
        s = self.settings
        return Rule(Fraction(s.anomaly_k), s.anomaly_min_lines, s.anomaly_baseline)

    # what the load does

    def load(self, *lines: Line, gone: Iterable[str] = ()) -> int:
        """One load: lines that are new or other than before, and lines that went."""
        told = {line.transaction_id: line for line in lines}
        new = [line for line in told.values() if self.lines.get(line.transaction_id) != line]
        lost = [*(line.transaction_id for line in new), *gone]
        old = [self.lines[key] for key in lost if key in self.lines]
        with self.loader, self.loader.cursor() as cur:
            batch = self._new_run(cur)
            self._make_room(cur, new)
            cur.execute("DELETE FROM fact_transactions WHERE transaction_id = ANY(%s)", (lost,))
            self._insert(cur, new, batch)
            self._queue(cur, [*new, *old], batch, "lines")
        for key in gone:
            self.lines.pop(key, None)
        self.lines |= {line.transaction_id: line for line in new}
        return batch

    def reprice(self, *transaction_ids: str) -> None:
        """A late price list: lines are written anew, only their price is another."""
        with self.loader, self.loader.cursor() as cur:
            batch = self._new_run(cur)
            cur.execute(
                "UPDATE fact_transactions SET unit_price = unit_price + 1,"
                " total_amount = quantity * (unit_price + 1), batch_id = %s"
                " WHERE transaction_id = ANY(%s)",
                (batch, list(transaction_ids)),
            )
            lines = [self.lines[key] for key in transaction_ids if key in self.lines]
            self._queue(cur, lines, batch, "prices")

    def _queue(self, cur: Cursor, lines: Iterable[Line], batch: int, reason: str) -> None:
        """What the end of a load leaves to the anomaly job."""
        cur.execute("SELECT transaction_id FROM anomalies")
        flagged = {row[0] for row in cur.fetchall()} if reason == "lines" else set()
        changed = {
            (x.stock_code, x.month, batch, "flagged" if x.transaction_id in flagged else reason)
            for x in lines
            if x.quantity > 0
        }
        execute_values(
            cur,
            "INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason) VALUES %s",
            sorted(changed),
        )

    def _new_run(self, cur: Cursor) -> int:
        cur.execute(
            "INSERT INTO ops.runs (job, status, who, backend_pid)"
            " VALUES ('fact_postgres', 'done', 'test', 0) RETURNING run_id"
        )
        return int((cur.fetchone() or (0,))[0])

    def _make_room(self, cur: Cursor, lines: Iterable[Line]) -> None:
        """Product versions, days and partitions that the lines need."""
        for code in {line.stock_code for line in lines} - self._products:
            self._products.add(code)
            execute_values(
                cur,
                "INSERT INTO dim_products (product_sk, stock_code, unit_price, effective_date,"
                " end_date, is_current, withdrawn) VALUES %s",
                [
                    (product_sk(code, day), code, price, day, end, end is None, False)
                    for (day, price), end in zip(PRICES.items(), (NEW_PRICES, None), strict=True)
                ],
            )
        for month in sorted({line.month for line in lines} - self._months):
            self._months.add(month)
            cur.execute(
                "INSERT INTO dim_dates SELECT to_char(d, 'YYYYMMDD')::int, d, extract(YEAR FROM d),"
                " extract(QUARTER FROM d), extract(MONTH FROM d), trim(to_char(d, 'Month')),"
                " extract(DAY FROM d), trim(to_char(d, 'Day')), extract(ISODOW FROM d) > 5"
                " FROM generate_series(%(m)s::timestamp, %(m)s::timestamp + interval '1 month'"
                " - interval '1 day', interval '1 day') AS g (d);"
                " SELECT ops.create_fact_month(%(m)s); SELECT ops.attach_fact_month(%(m)s)",
                {"m": month},
            )

    def _insert(self, cur: Cursor, lines: Iterable[Line], batch: int) -> None:
        rows = [
            (
                *(x.transaction_id, product_sk(x.stock_code, effective_on(x)), -1, FRANCE),
                x.invoice_date.astimezone(UTC).strftime("%Y%m%d"),
                *(x.transaction_id.partition("-")[0], x.invoice_date, x.quantity, 1, x.quantity),
                *(x.quantity < 0, batch, 1, 2),
            )
            for x in lines
        ]
        execute_values(cur, "INSERT INTO fact_transactions VALUES %s", rows)

    # what people and the other jobs do

    def detect(self, **context: Any) -> Run:
        return detect_anomalies.run(JobContext(self.settings, **context))

    def refresh(self, month: date, *, rescore_all: bool = False, **context: Any) -> Run:
        job = JobContext(self.settings, **context)
        return refresh_baselines.run(job, month=month, rescore_all=rescore_all)

    def review(
        self,
        transaction_id: str,
        status: str,
        note: str | None = None,
        who: str = "ann",
        **context: Any,
    ) -> Run:
        """As by run_review_anomaly.sh: lines are rescored at once."""
        review = Review(transaction_id, status, note, who)
        return review_anomaly.run(JobContext(self.settings, **context), review)

    def analyst_sets(self, transaction_id: str, status: str) -> None:
        """As in psql: lines are rescored by the next run."""
        self.ask(
            "UPDATE anomalies SET status = %s WHERE transaction_id = %s",
            *(status, transaction_id),
            role="analyst",
        )

    def begin_mail(self) -> None:
        """The sender claims the pending mail."""
        self.ask("UPDATE ops.mail_outbox SET status = 'SENDING' WHERE status = 'PENDING'")

    # what one sees

    def ask(self, statement: str, *values: Any, role: Role = "loader") -> Rows:
        if role not in self._open:
            self._open[role] = connect(self.settings, role)
        conn = self._open[role]
        with conn, conn.cursor() as cur:
            cur.execute(statement, values or None)
            return cur.fetchall() if cur.description else []

    def session(self, role: Role) -> closing[Connection]:
        """A connection of its own."""
        return closing(connect(self.settings, role))

    def close(self) -> None:
        """Give the connections back."""
        for connection in self._open.values():
            connection.close()

    def flags(self) -> dict[str, Flag]:
        """Lines that are flagged now, with their figures."""
        rows = self.ask(
            "SELECT transaction_id, median_qty, std_deviation, threshold, z_score"
            " FROM anomalies WHERE still_flagged"
        )
        return {key: Flag(*figures) for key, *figures in rows}

    def flagged(self) -> list[str]:
        """The transaction_ids that are flagged now."""
        return sorted(self.flags())

    def coverage(self) -> dict[date, Coverage]:
        rows = self.ask(
            "SELECT month, sales_lines, scored, unscored, flagged FROM v_anomaly_coverage"
        )
        return {month: Coverage(*counts) for month, *counts in rows}

    def rows(self) -> dict[str, tuple[str, bool]]:
        """Status and still_flagged of each row of `anomalies`."""
        found = self.ask("SELECT transaction_id, status, still_flagged FROM anomalies")
        return {key: (status, still) for key, status, still in found}

    def baselines(self) -> dict[tuple[str, date | None], tuple[int, float, float, bool]]:
        rows = self.ask(
            "SELECT stock_code, month, line_count, median_qty, std_deviation, is_sufficient"
            " FROM anomaly_baselines"
        )
        return {(code, month): tuple(figures) for code, month, *figures in rows}

    def findings(self) -> Rows:
        """Mail status, run and count of what the stewards are told, in order."""
        return self.ask(
            "SELECT o.status, m.batch_id, m.found FROM ops.mail_findings AS m"
            " JOIN ops.mail_outbox AS o ON m.mail_id = o.mail_id"
            " WHERE m.kind = 'anomalies' ORDER BY m.batch_id"
        )

    def everything(self) -> dict[str, Rows]:
        """All that scoring writes, to the last column."""
        tables = ("anomalies", "anomaly_baselines", "anomaly_history", "ops.sales_changes")
        return {
            table: sorted(self.ask(f"SELECT * FROM {table}"), key=repr)
            for table in (*tables, "ops.mail_outbox", "ops.mail_findings")
        }
