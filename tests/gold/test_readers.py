"""Readers who never pause, while loads go on: they see whole states, each as some load left it."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from jobs.common.db import connect
from jobs.common.settings import Settings
from tests.gold.loads import EMPTY, File, Loads, bad, line

LOADS = 50
READERS = 2
READS = 300
PRODUCTS = 2

# What all views, star and error table tell at one moment; the same sum by six ways.
TOTALS = """
SELECT
    (SELECT count(*) FROM fact_transactions),
    (SELECT sum(total_amount) FROM fact_transactions),
    (SELECT sum(revenue) FROM v_revenue_by_month),
    (SELECT sum(revenue) FROM v_sales_by_category),
    (SELECT sum(revenue) FROM v_top_buyers_by_region),
    (SELECT sum(total_amount) FROM v_purchase_history),
    (SELECT sum(sales_lines) FROM v_anomaly_coverage),
    (SELECT count(*) FROM v_price_history),
    (SELECT count(*) FROM v_transaction_status),
    (SELECT count(*) FROM transactions_error WHERE status = 'OPEN')
"""

Totals = tuple[Any, ...]


@dataclass
class Reader:
    """A session of the reader's role that asks for the totals again and again."""

    settings: Settings
    ended: threading.Event
    seen: list[Totals] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)

    def read(self) -> None:
        try:
            with closing(connect(self.settings, "reader")) as conn, conn.cursor() as cur:
                conn.autocommit = True
                while not self.ended.is_set():
                    cur.execute(TOTALS)
                    self.seen += cur.fetchall()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.trouble.append(error)


def delivery(number: int) -> File:
    """New lines in a month that is there or new, one in error, and one that another load had."""
    month = f"2011-{1 + number % 12:02}"
    lines = [
        line(f"{number}-{n}", invoice_date=f"{month}-05 09:00+00", quantity=1 + n % 7)
        for n in range(40)
    ]
    corrected = line("0-1", quantity=100 + number)
    return File(
        f"{number:02x}",
        [*lines, bad(f"{number}-error"), corrected],
        f"2011-{1 + number // 28:02}-{1 + number % 28:02}T08:00",
    )


@pytest.fixture(scope="module")
def told(gold_settings: Settings) -> tuple[list[Totals], list[Reader]]:
    """The totals after each load, and the readers."""
    loads = Loads(gold_settings)
    loads.ask(EMPTY)
    ended = threading.Event()
    readers = [Reader(gold_settings, ended) for _ in range(READERS)]
    threads = [threading.Thread(target=reader.read) for reader in readers]
    for thread in threads:
        thread.start()
    committed = [loads.ask(TOTALS)[0]]
    try:
        for number in range(LOADS):
            loads.take(delivery(number))
            committed.append(loads.ask(TOTALS)[0])
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    return committed, readers


Told = tuple[list[Totals], list[Reader]]


def test_readers_are_never_refused(told: Told) -> None:
    assert [reader.trouble for reader in told[1]] == [[]] * READERS


def test_each_read_finds_a_state_that_a_load_left(told: Told) -> None:
    committed, readers = told
    states = set(committed)

    assert len(states) == LOADS + 1
    for reader in readers:
        assert set(reader.seen) <= states


def test_views_and_lines_agree_in_each_read(told: Told) -> None:
    for count, *sums, covered, prices, known, in_error in {s for r in told[1] for s in r.seen}:
        assert len(set(sums)) == 1
        assert (covered or 0) == count  # each line is a sale
        assert prices == (PRODUCTS if count else 0)
        assert known == count + in_error


def test_no_reader_goes_back_in_time_and_all_look_often(told: Told) -> None:
    committed, readers = told
    assert sum(len(reader.seen) for reader in readers) >= READS
    for reader in readers:
        order = [committed.index(totals) for totals in reader.seen]
        assert order == sorted(order)
        assert len(set(order)) > LOADS / 2
