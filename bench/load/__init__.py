"""Load into Postgres: two million lines in bulk, and a window's lines onto a filled month."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench import charts
from bench.book import Book
from bench.homes import BOTH_COMPILERS, fresh_home
from bench.memory import KINDS
from bench.parts import Options

PART, BASE = "load", "Spark JDBC"
WAYS = ("ours", "psql COPY", "Spark JDBC", "JDBC, rewritten batches", "Python rows")
CASES = (
    *(f"{group}/{way}" for group in ("bulk", "merge", "window") for way in WAYS),
    *("transport/ours", "transport/psql COPY"),
)
GOALS = {"bulk": 4, "merge": 2, "window": 2}
TITLES = {
    "bulk": "Bulk load, months built aside",
    "merge": "A large batch onto a filled month",
    "window": "A 4-hour window onto a filled month",
}


def run(book: Book, options: Options) -> None:
    """Measure each case until the book has `options.rounds` of it."""
    have = {case: len(book.runs(PART, case)) for case in CASES}
    todo = [case for n in range(options.rounds) for case in CASES if n >= have[case]]
    if not todo:
        return
    out = options.scratch / "load.jsonl"
    with fresh_home(options.scratch / "load", BOTH_COMPILERS) as home:
        worker = (sys.executable, "-m", "jobs.launch", "bench/load/worker.py")
        try:
            home.run(*worker, str(options.scratch), str(out), *todo)
        finally:  # what was measured before it failed is kept
            if out.exists():
                _take(book, out)


def _take(book: Book, out: Path) -> None:
    for text in out.read_text(encoding="utf-8").splitlines():
        line: dict[str, Any] = json.loads(text)
        if name := line.pop("fact", None):
            book.state(PART, name, line)
        else:
            book.add(PART, line.pop("case"), **line)


def report(book: Book) -> str:
    """The section of docs/performance.md."""
    groups = [group for group in GOALS if book.runs(PART, f"{group}/{BASE}")]
    parts = ["## Load into Postgres", *(_section(book, group) for group in groups)]
    if all(book.runs(PART, f"transport/{way}") for way in ("ours", "psql COPY")):
        times = book.ratio(PART, "transport/ours", "transport/psql COPY")
        parts.append(
            f"Transport alone, into a table without keys, takes us {times:.1f} times what psql's"
            " COPY of ready CSV files takes on two connections."
        )
    return "\n\n".join([*parts, _setting(book)])


def _section(book: Book, group: str) -> str:
    ways = [way for way in WAYS if book.runs(PART, f"{group}/{way}")]
    rows = [_row(book, group, way) for way in ways]
    head = ("", f"× {BASE}", "seconds", "driver MiB", "workers MiB", "Postgres MiB")
    bars = [(way, book.median(PART, f"{group}/{way}")) for way in ways]
    chart = charts.bars(f"load-{group}", TITLES[group], bars, ours=["ours"])
    return "\n\n".join(
        [f"### {TITLES[group]}", charts.table(head, rows), _goal(book, group), chart]
    )


def _row(book: Book, group: str, way: str) -> list[str]:
    case = f"{group}/{way}"
    peaks = [f"{book.peak(PART, case, f'{name}_mib'):,.0f}" for name in KINDS]
    ratio = book.ratio(PART, case, f"{group}/{BASE}")
    return [way, f"{ratio:.2f}", f"{book.median(PART, case):.1f}", *peaks]


def _goal(book: Book, group: str) -> str:
    facts = book.fact(PART, group, {})
    size = ""
    if facts:
        width = facts["csv_mib"] * 2**20 / facts["rows"]
        size = (
            f"{facts['rows']:,} rows of {width:.0f} bytes as CSV; making the CSV files for psql"
            f" took {facts['csv_seconds']:.1f} s, which are not in its time. "
        )
    if not book.runs(PART, f"{group}/ours"):
        return size.strip()
    factor = book.ratio(PART, f"{group}/{BASE}", f"{group}/ours")
    met = "met" if factor >= GOALS[group] else "not met"
    return f"{size}Goal: {GOALS[group]} times as fast as plain JDBC. Came out: {factor:.1f}, {met}."


def _setting(book: Book) -> str:
    server = ", ".join(f"`{key}` {value}" for key, value in book.fact(PART, "server", {}).items())
    settings = f" Postgres, alike for all: {server}." if server else ""
    return (
        "From a Parquet frame to committed rows of the fact with its keys, on a fresh copy of the"
        " database each time. Ours stages, resolves which lines count, and merges in one"
        " transaction. The others insert on two connections: in bulk into months that are there,"
        " keys in place but not our sums; a batch, which corrects some lines that the month has,"
        " into a table without keys, and from there by `INSERT … ON CONFLICT DO UPDATE`."
        " psql reads CSV files made before. After each load rows, sums, a hash and the keys"
        f" are compared with the others' and with the Parquet's.{settings}"
    )
