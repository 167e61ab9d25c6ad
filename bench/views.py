"""Views and live queries on 10M lines, and what the sums they read cost a load."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from psycopg2.extensions import connection as Connection

from bench import charts, views_load, views_shop
from bench.book import Book, Figures
from bench.homes import fresh_home
from bench.parts import Options
from bench.views_queries import BEFORE, BEFORE_IS, CASES, Case, some_values
from jobs.common.db import connect
from jobs.common.settings import Settings

PART = "views"
LINES = 10_000_000
GOAL = 1.0
SIZES = """
SELECT sum(c.reltuples)::bigint AS lines, count(*) AS months,
    sum(pg_relation_size(c.oid)) / sum(c.reltuples) AS line_bytes,
    sum(pg_total_relation_size(c.oid)) / 2 ^ 30 AS fact_gib,
    (SELECT count(*) FROM ops.sales_by_month) AS month_sums,
    (SELECT count(*) FROM ops.sales_by_buyer) AS buyer_sums,
    (SELECT count(*) FROM dim_products) AS versions
FROM pg_inherits AS i INNER JOIN pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = 'fact_transactions'::regclass
"""


def run(book: Book, options: Options) -> None:
    """Measure each case until the book has all its rounds; one case after the other, in turn."""
    names = [case.name for case in CASES] + list(views_load.CASES)
    if all(len(book.runs(PART, name)) >= options.rounds for name in names):
        return
    with _shop(options.scratch / PART) as settings:
        _keep_sizes(book, settings)
        with closing(connect(settings, "reader")) as reader:
            reader.autocommit = True
            answers: dict[Any, Any] = {}
            for number in range(1, options.rounds + 1):
                for case in CASES:
                    ask = partial(_ask, reader, case, number, answers)
                    book.repeat(PART, case.name, number, ask)
            for case in CASES:
                book.state(PART, f"months of {case.name}", _months_read(reader, case))
            book.state(PART, "backend_mib", _peak_mib(reader))
        views_load.measure(book, PART, settings, options.rounds)


@contextmanager
def _shop(path: Path) -> Iterator[Settings]:
    """Gold of a home of its own, filled, with the old views beside the new."""
    with fresh_home(path) as home:
        settings = Settings(_env_file=home.path / "embedded.env")  # type: ignore[call-arg]
        views_shop.make(settings, LINES)
        with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
            cur.execute(BEFORE)
        yield settings


def _keep_sizes(book: Book, settings: Settings) -> None:
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute(SIZES)
        row = cur.fetchone() or ()
        for column, value in zip(cur.description or (), row, strict=True):
            book.state(PART, column.name, float(value))


def _ask(reader: Connection, case: Case, number: int, answers: dict[Any, Any]) -> Figures:
    """Each execution's seconds as t0, t1, …; `wall` is their median.

    Raises:
        RuntimeError: a rival answered the same question otherwise.
    """
    figures: Figures = {}
    with reader.cursor() as cur:
        for nth in range(case.times):
            seed = 1000 * number + nth
            start = time.perf_counter()
            cur.execute(case.query, some_values(seed))
            rows = cur.fetchall()
            figures[f"t{nth}"] = time.perf_counter() - start
            answer = sorted(rows, key=repr)
            if case.answer and answers.setdefault((case.answer, seed), answer) != answer:
                raise RuntimeError(f"{case.name}: another answer than its rival, seed {seed}")
    return figures | {"wall": median(figures.values())}


def _months_read(reader: Connection, case: Case) -> int:
    """Partitions that the plan did read."""
    with reader.cursor() as cur:
        cur.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {case.query}", some_values(1))
        ((found,),) = cur.fetchall()
    plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    return len({name for name in _read(plan) if name.startswith("fact_transactions_2")})


def _read(node: dict[str, Any]) -> Iterator[str]:
    if node["Actual Loops"]:
        yield node.get("Relation Name", "")
    for child in node.get("Plans", []):
        yield from _read(child)


def _peak_mib(conn: Connection) -> float:
    """The most that the connection's server process held, shared buffers included."""
    status = Path(f"/proc/{conn.info.backend_pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _p95(book: Book, case: str) -> float:
    """The 95th percentile over all executions."""
    times = sorted(v for run in book.runs(PART, case) for k, v in run.items() if k[0] == "t")
    return times[ceil(0.95 * len(times)) - 1]


def report(book: Book) -> str:
    """Ratios and percentiles, months read, the goal beside what came out."""
    there = set(book.cases(PART))
    shown = [c for c in CASES if c.name in there and not c.name.startswith(BEFORE_IS)]
    header = ["query", "× from all lines", "median ms", "95th percentile ms", "months read"]
    parts = [
        "## Views and live queries on 10 million lines",
        _about(book),
        charts.table(header, [_row(book, case) for case in shown]),
        _goal(book, [case.name for case in shown if case.quick]),
        _chart(book, shown),
        views_load.report(book, PART),
        _words(book),
    ]
    return "\n\n".join(filter(None, parts))


def _about(book: Book) -> str:
    fact = {name: book.fact(PART, name, 0.0) for name in (
        "lines", "months", "line_bytes", "fact_gib", "month_sums", "buyer_sums", "versions",
        "backend_mib",
    )}  # fmt: skip
    return (
        "As the role `warehouse_reader`, other filter values each time, on"
        " {lines:,.0f} lines of {line_bytes:.0f} bytes in {months:.0f} months ({fact_gib:.1f} GiB"
        " with indexes), {versions:,.0f} product versions, {month_sums:,.0f} + {buyer_sums:,.0f}"
        " rows of sums. \u201cFrom all lines\u201d is the view as it was before the sums"
        " ([ADR 26](adr/0026-sums-kept-by-triggers.md)); both gave the same answers in this run."
        " The reader's server process held {backend_mib:,.0f} MiB at most, shared buffers included."
    ).format(**fact)


def _row(book: Book, case: Case) -> list[str]:
    old = BEFORE_IS + case.name
    ratio = f"{book.ratio(PART, case.name, old):.3f}" if book.runs(PART, old) else "–"
    months = book.fact(PART, f"months of {case.name}", "?")
    return [
        *(case.name, ratio, f"{1000 * book.median(PART, case.name):,.1f}"),
        *(f"{1000 * _p95(book, case.name):,.1f}", f"{months}"),
    ]


def _goal(book: Book, quick: list[str]) -> str:
    if not quick:
        return ""
    worst = max(quick, key=lambda name: _p95(book, name))
    seconds = _p95(book, worst)
    met = "met" if seconds < GOAL else "missed"
    return (
        f"**Goal:** under {GOAL:.0f} s at the 95th percentile where a filter prunes or sums are"
        f" kept: {met}. The slowest is \u201c{worst}\u201d with {seconds:.2f} s."
    )


def _chart(book: Book, shown: list[Case]) -> str:
    names = [name for case in shown for name in (BEFORE_IS + case.name, case.name)]
    bars = [(name, _p95(book, name)) for name in names if book.runs(PART, name)]
    ours = [name for name, _ in bars if not name.startswith(BEFORE_IS)]
    title = "Seconds at the 95th percentile; the line is the goal"
    return charts.bars(PART, title, bars, ours=ours, goal=GOAL) if bars else ""


def _words(book: Book) -> str:
    slow = [c.name for c in CASES if not c.quick and not c.name.startswith(BEFORE_IS)]
    slow = [name for name in slow if book.runs(PART, name)]
    said = "; ".join(f"{name}: {_p95(book, name):.1f} s" for name in slow)
    words = (
        "A month's lines are one partition: a filter on `invoice_date` or `date_sk` reads it alone."
        " The views on months, categories, regions and coverage read sums, no line of the fact."
    )
    unhelped = (
        " What no partition bound and no sum knows reads every month, without a goal: a filter on"
        f" `dim_dates`, which prunes nothing, and a category in the star ({said})."
    )
    return words + (unhelped if slow else "")
