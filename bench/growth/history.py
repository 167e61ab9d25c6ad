"""Gold's past months, made in Postgres as loads would have left them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor

from bench.growth.shop import CUSTOMERS, INVOICE, LINES, NEWCOMERS, PRODUCTS, WINDOW, Month, months
from bench.processes import ROOT
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.db import connect
from jobs.common.settings import Settings

HERE = ROOT / "bench" / "growth"
FORMULA = {
    "customers": CUSTOMERS,
    "invoice": INVOICE,
    "invoices": LINES // INVOICE,
    "lines": LINES,
    "newcomers": NEWCOMERS,
    "products": PRODUCTS,
    "window": WINDOW,
}
FIRST_RUN = 1_000  # above those of the set-up


@dataclass(frozen=True)
class History:
    """So many months, the last of them up to a window."""

    count: int
    upto: int
    countries: list[str]

    @property
    def months(self) -> list[Month]:
        return months(self.count)

    def first_run(self, month: Month) -> int:
        """The run of the load of a month's first window."""
        past = [m.windows for m in self.months if m.number < month.number]
        return FIRST_RUN + 4 * sum(past)

    def lines(self, month: Month) -> int:
        """How many lines a month has."""
        return LINES if month.number < self.months[-1].number else month.lines_before(self.upto)


def build(settings: Settings, history: History, snapshot: int) -> None:
    """Fill gold; `snapshot` is bronze's, up to which it then is."""
    with closing(connect(settings, "owner")) as conn:
        with conn, conn.cursor() as cur:
            _shared(cur, history)
        for month in history.months:
            with conn, conn.cursor() as cur:
                _month(cur, history, month)
        with conn, conn.cursor() as cur:
            cur.execute("DROP SCHEMA bench CASCADE")
            cur.execute(
                "INSERT INTO ops.watermarks VALUES (%s, %s, %s)",
                (TRANSACTIONS_RAW.full_name, snapshot, FIRST_RUN),
            )
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute("VACUUM ANALYZE dim_customers, dim_products, dim_dates, anomalies")
            cur.execute("VACUUM ANALYZE anomaly_baselines, transactions_error, ops.loaded_files")
            cur.execute("VACUUM ANALYZE ops.runs, ops.checks, ops.mail_outbox, ops.mail_findings")


def _shared(cur: Cursor, history: History) -> None:
    first, last = history.months[0], history.months[-1]
    past = Month(last.number + 1)
    values: dict[str, Any] = {
        "first": first.number,
        "past": past.number,
        "start": first.start,
        "past_start": past.start,
        "runs": FIRST_RUN,
        "windows": sum(m.windows for m in history.months[:-1]) + history.upto,
        "names": history.countries,
    }
    cur.execute((HERE / "history.sql").read_text().format(**FORMULA), values)


def _month(cur: Cursor, history: History, month: Month) -> None:
    cur.execute("SELECT ops.create_fact_month(%s)", (month.first,))
    row = cur.fetchone()
    assert row is not None
    run = history.first_run(month)
    values: dict[str, Any] = {
        "month": month.number,
        "start": month.start,
        "past_start": Month(month.number + 1).start,
        "seconds": month.seconds,
        "yyyymm": month.first.year * 100 + month.first.month,
        "upto": history.lines(month),
        "loads": run,
        "detects": run + 1,
    }
    text = (HERE / "month.sql").read_text().format(partition=f"public.{row[0]}", **FORMULA)
    cur.execute(text, values)
    cur.execute("SELECT ops.attach_fact_month(%s)", (month.first,))
