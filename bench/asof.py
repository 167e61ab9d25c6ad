"""The as-of join: lines against price versions, ours beside what is picked instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import asof_data
from bench.asof_spark import DRIVER_MEMORY, PLANS
from bench.asof_worker import Worker
from bench.book import Book, Figures
from bench.charts import bars, table
from bench.parts import Options

PART = "asof"
SIZES = [("10M", "48K"), ("10M", "1.46M"), ("1M", "48K"), ("1M", "1.46M")]
NAMES = {
    "duckdb": "DuckDB `ASOF JOIN`",
    "polars": "Polars `join_asof`",
    "ours": "ours",
    "pairs": "ours beyond the limit: distinct pairs",
    "union": "Spark, union + window",
    "interval": "Spark, broadcast interval join",
    "textbook": "Spark, range join ranked by a window",
}
AT_MOST, AT_LEAST = 2.0, 10.0
WARM_UP = ("1M", "48K")
SLOWEST = ("interval", "10M", "1.46M")  # measured last: a run that is stopped has the others


def _measured() -> list[tuple[str, str, str]]:
    """Case by case: which plan, which lines, which prices."""
    everywhere = ("duckdb", "polars", "ours", "union", "interval")
    cases = [(plan, *size) for size in SIZES for plan in everywhere]
    cases += [("ours", "10M hot", prices) for prices in asof_data.VERSIONS]
    cases += [("pairs", "10M", "1.46M"), ("textbook", "1M", "48K")]
    return sorted(cases, key=lambda case: case == SLOWEST)


def key(plan: str, lines: str, prices: str) -> str:
    """The name of a case in the book."""
    return f"{plan}, {lines} x {prices}"


@contextmanager
def _workers(directory: Path) -> Iterator[dict[str, Worker]]:
    engines = {name: Worker(name, directory) for name in ("spark", "duckdb", "polars")}
    try:
        yield {plan: engines["spark" if plan in PLANS else plan] for plan in NAMES}
    finally:
        for worker in engines.values():
            worker.end()


def run(book: Book, options: Options) -> None:
    """Measure, the cases in turn; each plan has run once on few lines before."""
    wanted = [c for c in _measured() if len(book.runs(PART, key(*c))) < options.rounds]
    if not wanted:
        return
    directory = options.scratch / PART
    directory.mkdir(parents=True, exist_ok=True)
    asof_data.make(directory)
    for name, width in asof_data.row_widths(directory).items():
        book.state(PART, name, width)
    with _workers(directory) as workers:
        for plan in dict.fromkeys(plan for plan, *_ in wanted):
            workers[plan].ask(plan, *WARM_UP)
        for number in range(options.rounds):
            for case in wanted:
                _measure(book, workers, case, number + 1)


def _measure(
    book: Book, workers: dict[str, Worker], case: tuple[str, str, str], rounds: int
) -> None:
    """Measure a case, and hold its answer against those of all others of its size."""

    def once() -> Figures:
        plan, lines, prices = case
        found = workers[plan].ask(*case)
        answer, size = found["answer"], f"answer, {lines} x {prices}"
        known = book.fact(PART, size, answer)
        if answer != known:
            raise AssertionError(f"{key(*case)} gives {answer}, others {known}")
        book.state(PART, size, answer)
        return {"wall": found["wall"], "peak_mib": found["peak_mib"]}

    book.repeat(PART, key(*case), rounds, once)


def _times(book: Book, case: tuple[str, str, str], base: tuple[str, str, str]) -> float | None:
    """How many times a case takes what another does; None when one was not measured."""
    if not (book.runs(PART, key(*case)) and book.runs(PART, key(*base))):
        return None
    return book.ratio(PART, key(*case), key(*base))


def _told(value: float | None, form: str = "{:.1f}") -> str:
    return "" if value is None else form.format(value)


def _row(book: Book, plan: str) -> list[str]:
    ratios = [_told(_times(book, (plan, *size), ("duckdb", *size))) for size in SIZES]
    keys = [key(plan, *size) for size in SIZES if book.runs(PART, key(plan, *size))]
    seconds = [f"{book.median(PART, k):.1f}" if k in keys else "" for k in _of_10m(plan)]
    peak = max((book.peak(PART, k, "peak_mib") for k in keys), default=None)
    return [NAMES[plan], *ratios, *seconds, _told(peak, "{:,.0f} MiB")]


def _of_10m(plan: str) -> list[str]:
    return [key(plan, *size) for size in SIZES if size[0] == "10M"]


def _goals(book: Book) -> str:
    rows = []
    for prices in asof_data.VERSIONS:
        ratio = _times(book, ("ours", "10M", prices), ("duckdb", "10M", prices))
        rows.append([f"ours by DuckDB, {prices} prices", f"≤ {AT_MOST:g}", _told(ratio)])
    slow = _times(book, ("interval", "10M", "1.46M"), ("ours", "10M", "1.46M"))
    rows.append(["interval join by ours, 1.46M prices", f"≥ {AT_LEAST:g}", _told(slow)])
    for prices in asof_data.VERSIONS:
        hot = _times(book, ("ours", "10M hot", prices), ("ours", "10M", prices))
        goal = "no more than 1"
        rows.append(
            [f"a hot stock code by a flat spread, {prices} prices", goal, _told(hot, "{:.2f}")]
        )
    return table(["10M lines", "goal", "ratio"], rows)


def _chart(book: Book) -> str:
    rows = [
        (NAMES[plan].replace("`", ""), book.median(PART, key(plan, "10M", "1.46M")))
        for plan in NAMES
        if book.runs(PART, key(plan, "10M", "1.46M"))
    ]
    title = "As-of join of 10M lines with 1.46M price versions, seconds"
    ours = [NAMES["ours"], NAMES["pairs"]]
    return bars(PART, title, rows, ours=ours) if rows else ""


def _about(book: Book) -> str:
    widths = [f"{book.fact(PART, name, '?')} bytes {name}" for name in ("a line", "a version")]
    return (
        f"Lines ({widths[0]}) against price versions ({widths[1]}), of {asof_data.PRODUCTS:,}"
        f" products over {asof_data.DAYS} days: 48K is twelve versions a product, 1.46M one a day."
        " From Parquet files to the number of lines, the sum of their amounts in decimals, and"
        " the number without a price; all gave the same answer."
    )


def _how() -> str:
    return (
        "Every engine has two threads and is warm: each plan ran once on 1M lines before it"
        f" counted. Spark is one session with {DRIVER_MEMORY} of heap for all its plans, so its"
        " peak is that of the process and not of a plan alone. Ours includes looking for the"
        " batch's days and counting what the prices would take. The ranked range join is measured"
        " on the small size only. In the hot spread a third of all lines are of one stock code."
    )


def report(book: Book) -> str:
    """The section of the page."""
    sizes = [f"{lines} × {prices}" for lines, prices in SIZES]
    seconds = [f"s, {lines} × {prices}" for lines, prices in SIZES if lines == "10M"]
    plans = [plan for plan in NAMES if any(k.startswith(f"{plan},") for k in book.cases(PART))]
    times = table(["× DuckDB", *sizes, *seconds, "peak"], [_row(book, plan) for plan in plans])
    parts = ["## As-of join", _about(book), times, _goals(book), _chart(book), _how()]
    return "\n\n".join(part for part in parts if part)
