"""What the sums cost those who write: a 4-hour batch onto a filled month, and a new month."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import date
from functools import partial

from psycopg2.extensions import cursor as Cursor

from bench import charts, views_shop
from bench.book import Book, Figures
from jobs.common.dates import next_month
from jobs.common.db import connect
from jobs.common.settings import Settings

BATCH, BATCH_PLAIN = "a 4-hour batch, with sums", "a 4-hour batch, without"
MONTH, MONTH_PLAIN = "a new month, with sums", "a new month, without"
CASES = (BATCH, BATCH_PLAIN, MONTH, MONTH_PLAIN)
NEW_MONTH = date(2012, 1, 1)
LINES_OF_BATCH, LINES_OF_MONTH = 2_000, 400_000
GET_BATCH = """
CREATE TEMP TABLE batch AS SELECT * FROM fact_transactions_2011_12 ORDER BY random() LIMIT %s;
UPDATE batch SET transaction_id = 'new ' || transaction_id;
ANALYZE batch;
INSERT INTO dim_dates
SELECT to_char(d, 'YYYYMMDD')::int, d, 2012, 1, 1, 'January', extract(DAY FROM d), '', FALSE
FROM generate_series('2012-01-01'::timestamp, '2012-01-31', interval '1 day') AS d;
"""


def measure(book: Book, part: str, settings: Settings, rounds: int) -> None:
    """Write and undo, round by round."""
    with closing(connect(settings, "owner")) as conn, conn.cursor() as cur:
        cur.execute(GET_BATCH, (LINES_OF_BATCH,))
        conn.commit()
        for number in range(1, rounds + 1):
            for case, write in zip(
                CASES, (_batch, _batch_plain, _month, _month_plain), strict=True
            ):
                book.repeat(part, case, number, partial(write, cur))
                conn.rollback()


def _timed(cur: Cursor, statement: str) -> Figures:
    start = time.perf_counter()
    cur.execute(statement)
    return {"wall": time.perf_counter() - start}


def _batch(cur: Cursor) -> Figures:
    return _timed(cur, "INSERT INTO fact_transactions SELECT * FROM batch")


def _batch_plain(cur: Cursor) -> Figures:
    cur.execute("ALTER TABLE fact_transactions DISABLE TRIGGER USER")
    return _batch(cur)


def _month(cur: Cursor) -> Figures:
    """From rows aside to an attached month with its keys."""
    invoices = LINES_OF_MONTH // views_shop.LINES_AN_INVOICE
    cur.execute("SELECT ops.create_fact_month(%s)", (NEW_MONTH,))
    values = {"month": NEW_MONTH, "until": next_month(NEW_MONTH), "invoices": invoices}
    table = "public.fact_transactions_2012_01"
    cur.execute(views_shop.LINES.format(table), values | {"first": 10_000_000})
    return _timed(cur, f"SELECT ops.attach_fact_month('{NEW_MONTH}')")


def _month_plain(cur: Cursor) -> Figures:
    cur.execute(
        "CREATE OR REPLACE FUNCTION ops.count_months(p_from timestamptz, p_to timestamptz)"
        " RETURNS void LANGUAGE sql AS ''"
    )
    return _month(cur)


def report(book: Book, part: str) -> str:
    """What the sums add, as ratios."""
    rows = []
    for words, ours, plain in (
        (f"{LINES_OF_BATCH:,} lines onto a filled month", BATCH, BATCH_PLAIN),
        (f"keys and ATTACH of a month of {LINES_OF_MONTH:,} lines", MONTH, MONTH_PLAIN),
    ):
        if book.runs(part, ours) and book.runs(part, plain):
            times = (1000 * book.median(part, case) for case in (plain, ours))
            rows.append(
                [words, f"{book.ratio(part, ours, plain):.2f}", *map("{:,.0f}".format, times)]
            )
    header = ["what the sums cost a load", "× without", "without, ms", "with, ms"]
    return charts.table(header, rows) if rows else ""
