"""The whole job, files to views: ours against a hand-written DuckDB + COPY script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2

from bench import charts
from bench.book import Book, Figures
from bench.homes import EMPTY, FILES_TO_MAIL, Home, fresh_home
from bench.job_answers import Answers, answers, beyond, independent, same
from bench.job_years import write_years
from bench.memory import KINDS, watched
from bench.parts import Options
from bench.processes import measure
from embedded.home import Home as EmbeddedHome

PART = "job"
SIZES = (1, 10)
GOALS = {1: 6.0, 10: 3.0}
SCHEMA = "duckdb_script"
STAGES = tuple(FILES_TO_MAIL.split(","))


def ours(years: int) -> str:
    """Name of our case."""
    return f"ours, {named(years)}"


def script(years: int) -> str:
    """Name of the script's case."""
    return f"script, {named(years)}"


def named(years: int) -> str:
    """A size in words."""
    return f"{years} year{'s' if years > 1 else ''}"


@dataclass
class Bench:
    """Where the landing files of each size and the script's home are."""

    book: Book
    scratch: Path
    rival: Home

    def landing(self, years: int) -> Path:
        """The landing files of a size."""
        return self.scratch / f"landing-{years}"


def run(book: Book, options: Options) -> None:
    """Measure by turns: the script and ours, the year and ten of them."""
    cases = [case(years) for years in SIZES for case in (script, ours)]
    if all(len(book.runs(PART, case)) >= options.rounds for case in cases):
        return
    scratch = options.scratch / "job"
    bench = Bench(book, scratch, Home(scratch / "rival"))
    for years in SIZES:
        write_years(options.data, options.countries, years, bench.landing(years))
        sizes = [file.stat().st_size for file in bench.landing(years).glob("*/*.csv")]
        weight = {"files": len(sizes), "mib": sum(sizes) / 2**20}
        book.state(PART, f"landing, {named(years)}", weight)
    bench.rival.run("scripts/run_setup.sh")
    bench.rival.run(sys.executable, "-m", "embedded", "down")
    for number in range(1, options.rounds + 1):
        for years in SIZES:
            book.repeat(PART, script(years), number, partial(_script, bench, years))
            book.repeat(PART, ours(years), number, partial(_ours, bench, years))
    for years in SIZES:
        _agree(bench, years, "by equi-join", partial(independent, bench.landing(years)))
    shutil.rmtree(scratch)


def _ours(bench: Bench, years: int) -> Figures:
    """Set-up and linking the files are not counted; the same again is, and an empty Spark job."""
    path = bench.scratch / "ours"
    with fresh_home(path) as home:
        _land(bench.landing(years), home.landing)
        figures = watched(path / "pgdata", home.pipeline) | home.stages()
        _agree(bench, years, "ours", lambda: answers(_dsn(path), "public"))
        figures |= {"again": home.pipeline().wall, "empty": home.run(*EMPTY).wall}
    shutil.rmtree(path)
    return figures


def _script(bench: Bench, years: int) -> Figures:
    """On a Postgres of the same settings, in a schema that is not there yet."""
    home = bench.rival
    with _up(home) as dsn:
        words = " ".join(f"{name}={value}" for name, value in dsn.items())
        command = (sys.executable, "bench/duckdb_script.py", str(bench.landing(years)), words)
        figures = watched(home.path / "pgdata", lambda: measure((*command, SCHEMA), os.environ))
        _agree(bench, years, "script", lambda: answers(dsn, SCHEMA))
    return figures


@contextmanager
def _up(home: Home) -> Iterator[dict[str, Any]]:
    """The script's Postgres, up and clean; down afterwards, so that it does not work on."""
    home.run(sys.executable, "-m", "embedded", "up")
    dsn = _dsn(home.path)
    connection = psycopg2.connect(**dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cur:
            cur.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cur.execute("CHECKPOINT")
        yield dsn
    finally:
        connection.close()
        home.run(sys.executable, "-m", "embedded", "down")


def _dsn(path: Path) -> dict[str, Any]:
    recorded = EmbeddedHome(path).read()
    return {
        "host": recorded["GOLD_HOST"],
        "port": recorded["GOLD_PORT"],
        "dbname": "ecommerce_gold",
        "user": "postgres",
        "password": recorded["GOLD_ADMIN_PASSWORD"],
    }


def _land(files: Path, landing: Path) -> None:
    """The files by another name each; a job moves its own away, the content stays."""
    for file in files.glob("*/*.csv"):
        os.link(file, landing / file.parent.name / file.name)


def _agree(bench: Bench, years: int, who: str, ask: Callable[[], Answers]) -> None:
    """Once a size and party: its answers must be those that were given before.

    Raises:
        AssertionError: they are not.
    """
    name = f"answers, {named(years)}"
    given = bench.book.fact(PART, name, {})
    if who in given:
        return
    found = ask()
    for theirs in given.values():
        same(found, theirs)
    given = given | {who: found}
    if {"ours", "script"} <= given.keys():
        bench.book.state(PART, "beyond", beyond(given["ours"], given["script"]))
    bench.book.state(PART, name, given)


def report(book: Book) -> str:
    """The section: ratios, where our time goes, memory."""
    sizes = [n for n in SIZES if {ours(n), script(n)} <= set(book.cases(PART))]
    if not sizes:
        return HEAD
    bars = [(case(n), book.median(PART, case(n))) for n in sizes for case in (script, ours)]
    title = "Landing files to views, seconds"
    chart = charts.bars("job", title, bars, ours=[ours(n) for n in sizes])
    parts = [HEAD, _compared(book, sizes), chart, _shares(book, sizes), _words(book, sizes)]
    return "\n\n".join(parts)


HEAD = """\
## The whole job

From landing files to a keyed star, errors, anomalies and views in Postgres: our chain without
`dw`, and a [hand-written script](../bench/duckdb_script.py) for one machine that reads and
computes in DuckDB and loads with `COPY` on two connections, months aside, keys set-wise, into a
Postgres of the same settings. Ten years are the real year repeated, with invoices of their own."""


def _compared(book: Book, sizes: list[int]) -> str:
    rows = []
    for n in sizes:
        for case in (script, ours):
            ratio = book.ratio(PART, case(n), script(n))
            goal = f"{GOALS[n]:.0f} ×" if case is ours else ""
            memory = (_peak(book, case(n), kind) for kind in KINDS)
            wall = f"{book.median(PART, case(n)):.1f} s"
            rows.append([case(n), f"{ratio:.2f} ×", goal, wall, *memory])
    header = ("", "× script", "goal", "wall", "peak driver", "peak workers", "peak Postgres")
    return charts.table(header, rows)


def _peak(book: Book, case: str, kind: str) -> str:
    peak = book.peak(PART, case, f"{kind}_mib")
    return f"{peak:,.0f} MiB" if peak else "–"


def _shares(book: Book, sizes: list[int]) -> str:
    """Where our time goes: Spark starting as an empty job shows it, then by job of the chain."""
    rows = []
    for n in sizes:
        wall = book.median(PART, ours(n))
        figures = ("empty", *STAGES)
        rows.append([named(n), *(f"{book.median(PART, ours(n), f) / wall:.0%}" for f in figures)])
    return charts.table(("share of our time", "Spark starting and ending", *STAGES), rows)


def _words(book: Book, sizes: list[int]) -> str:
    again = (f"{book.median(PART, ours(n), 'again'):.1f} s after {named(n)}" for n in sizes)
    facts = (_size(book, n) for n in sizes)
    return (
        f"Both end with {' and '.join(facts)}: equal rows of the fact, dimensions, errors,"
        " baselines and anomalies, and equal primary, unique and foreign keys; ours have"
        f" {len(book.fact(PART, 'beyond', []))} kinds of check and index on top. Their counts, sums"
        " and versions are also those of an equi-join of lines and lists in Polars. The script"
        " keeps no lake, no bytes of bad records and no line's origin; it sends no mail, and any"
        " change means building anew: ours again, with nothing new, takes"
        f" {' and '.join(again)}. Spark starting is an empty `spark-submit`, end included."
        " Set-up of a home and putting files into `landing/` are not counted."
    )


def _size(book: Book, years: int) -> str:
    given: dict[str, Answers] = book.fact(PART, f"answers, {named(years)}", {})
    lines = int(next(iter(given.values()), {}).get("fact_rows", 0))
    landed = book.fact(PART, f"landing, {named(years)}", {"files": 0, "mib": 0})
    files = f"{landed['files']:,} files of {landed['mib']:,.0f} MiB"
    return f"{lines:,} fact lines for {named(years)} ({files})"
