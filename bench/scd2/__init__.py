"""SCD2: what one more day's price list costs as the history grows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack

from bench import charts
from bench.book import Book, Figures
from bench.homes import BOTH_COMPILERS, Home, fresh_home
from bench.parts import Options
from bench.processes import ROOT
from bench.scd2 import shop

PART = "scd2"
HISTORIES = (30, 365)
GOAL = 1.2
PAUSE = 0.05  # seconds
HISTORY = (sys.executable, "-m", "jobs.launch", "bench/scd2/history.py")
WORKER = (sys.executable, "-m", "jobs.launch", "bench/scd2/worker.py")


class Days:
    """A job on a home with a history, that takes in one day after another."""

    def __init__(self, lists: int, home: Home) -> None:
        self._next = lists
        self._directory = home.path / "days"
        self._directory.mkdir()
        command = [*WORKER, str(lists), str(self._directory)]
        self._job = subprocess.Popen(command, cwd=ROOT, env=home.env)

    def take(self) -> Figures:
        """One more day."""
        answer = self._directory / f"{self._next}.json"
        (self._directory / f"{self._next}.ask").touch()
        self._next += 1
        while not answer.exists():
            if self._job.poll() is not None:
                raise RuntimeError("the job ended before it answered; what it said is above")
            time.sleep(PAUSE)
        return dict(json.loads(answer.read_text(encoding="utf-8")))

    def close(self) -> None:
        """End the job."""
        (self._directory / "end").touch()
        self._job.wait()


def run(book: Book, options: Options) -> None:
    """One more day onto each history, in turns."""
    missing = {lists: options.rounds - len(book.runs(PART, _case(lists))) for lists in HISTORIES}
    if max(missing.values()) <= 0:
        return
    book.state(PART, "list_mib", len(shop.listed(0)) / 2**20)
    with ExitStack() as stack:
        days = {}
        for lists in HISTORIES:
            home = stack.enter_context(fresh_home(options.scratch / f"scd2-{lists}"))
            Home(home.path, BOTH_COMPILERS).run(*HISTORY, str(lists))
            days[lists] = Days(lists, home)
            stack.callback(days[lists].close)
        for each in days.values():
            each.take()  # of a JVM that has just started, compilation is most of what is seen
        for _ in range(max(missing.values())):
            for lists in HISTORIES:
                book.add(PART, _case(lists), **days[lists].take())


def _case(lists: int) -> str:
    return f"{lists} days"


def report(book: Book) -> str:
    """The section of docs/performance.md."""
    measured = [lists for lists in HISTORIES if book.runs(PART, _case(lists))]
    rows = [_row(book, lists, measured[0]) for lists in measured]
    head = ("History", "× the shortest", "a day, s", "rows read", "rows written", "JVM peak, MiB")
    bars = [(_case(lists), book.median(PART, _case(lists))) for lists in measured]
    chart = charts.bars(
        "scd2",
        "One more day's price list of 250,000 products",
        bars,
        ours=[label for label, _ in bars],
    )
    return "\n\n".join(
        [
            f"## SCD2: one more day of {shop.PRODUCTS:,} products",
            _words(book),
            charts.table(head, rows),
            _verdict(book, measured),
            chart,
        ]
    )


def _row(book: Book, lists: int, base: int) -> tuple[str, ...]:
    case = _case(lists)
    return (
        f"{lists} lists, {book.median(PART, case, 'versions') / 1e6:.2f}M versions",
        f"{book.ratio(PART, case, _case(base)):.2f}",
        f"{book.median(PART, case):.2f}",
        f"{book.median(PART, case, 'rows_read'):,.0f}",
        f"{book.median(PART, case, 'rows_written'):,.0f}",
        f"{book.peak(PART, case, 'jvm_mib'):,.0f}",
    )


def _words(book: Book) -> str:
    return (
        f"A list of {shop.PRODUCTS:,} products ({book.fact(PART, 'list_mib', 0):.1f} MiB, 4"
        f" columns) arrives a day, with another price for one in {shop.EVERY}. Bronze is filled"
        " as so many days would have left it, then days are taken in by turns, each by"
        " `ingest_products` in an"
        " application that is warm: from the file in `landing/` to the closed and opened versions."
        " After each, the versions of 200 products are compared with those that a plain reader of"
        " all lists tells. Rows are those of Parquet files, whatever the columns."
    )


def _verdict(book: Book, measured: list[int]) -> str:
    if len(measured) < len(HISTORIES):
        return "Not all histories were measured."
    short, long = (_case(lists) for lists in HISTORIES)
    ratio = book.ratio(PART, long, short)
    read = book.ratio(PART, long, short, "rows_read")
    met = "met" if ratio <= GOAL else "not met"
    return (
        f"Goal: a day does not cost more as history grows, at most {GOAL} times: {ratio:.2f} times"
        f" from {HISTORIES[0]} to {HISTORIES[1]} lists, {met}; rows read {read:.2f} times. The list"
        " itself, the current versions and what becomes of them are read and written; closed"
        " versions and earlier lists are not touched."
    )
