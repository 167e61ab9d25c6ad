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
    "bulk": "two million lines, months built aside",
    "merge": "a large batch onto a filled month",
    "window": "the lines of four hours onto a filled month",
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
    bars = [
        (way, book.median(PART, f"bulk/{way}")) for way in WAYS if book.runs(PART, f"bulk/{way}")
    ]
    chart = charts.bars("load-bulk", f"{TITLES['bulk']}, seconds", bars, ours=["ours"])
    parts = ["## Load into Postgres", _ways(book, groups), _goals(book, groups), chart]
    if all(book.runs(PART, f"transport/{way}") for way in ("ours", "psql COPY")):
        times = book.ratio(PART, "transport/ours", "transport/psql COPY")
        parts.append(
            f"Transport alone, into a table without keys, takes us {times:.1f} times what psql's"
            " COPY of ready CSV files takes on two connections."
        )
    return "\n\n".join([*parts, _setting(book)])


def _ways(book: Book, groups: list[str]) -> str:
    """A row a way: of each group the ratio to plain JDBC and seconds; peaks of the bulk load."""
    head = ["", *(f"{group}: {what}" for group in groups for what in (f"× {BASE}", "s"))]
    rows = []
    for way in WAYS:
        if not all(book.runs(PART, f"{group}/{way}") for group in groups):
            continue
        row = [way]
        for group in groups:
            case = f"{group}/{way}"
            seconds = book.median(PART, case)
            row += [f"{book.ratio(PART, case, f'{group}/{BASE}'):.2f}", f"{seconds:.2f}"]
        rows.append(
            row + [f"{book.peak(PART, f'bulk/{way}', f'{name}_mib'):,.0f}" for name in KINDS]
        )
    return charts.table([*head, *(f"bulk: {name} MiB" for name in KINDS)], rows)


def _goals(book: Book, groups: list[str]) -> str:
    """A row a group: what it is, how large, and whether it came out as wanted."""
    rows = []
    for group in groups:
        facts = book.fact(PART, group, {"rows": 0, "csv_mib": 0})
        width = facts["csv_mib"] * 2**20 / max(facts["rows"], 1)
        factor = book.ratio(PART, f"{group}/{BASE}", f"{group}/ours")
        rows.append(
            [
                f"{group}: {TITLES[group]}",
                f"{facts['rows']:,} of {width:.0f} bytes",
                f"≥ {GOALS[group]}",
                f"{factor:.1f}, {'met' if factor >= GOALS[group] else 'missed'}",
            ]
        )
    return charts.table(("", "rows, as CSV", f"{BASE} by ours: goal", "came out"), rows)


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
