"""Growth: the same 4-hour file onto 1, 10 and 50 million lines, and a price restated long after."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from statistics import median

from bench.book import Book, Figures
from bench.charts import bars, table
from bench.growth.counters import months_of
from bench.growth.grown import RESTATED, Grown, Seen, is_built
from bench.homes import fresh_home
from bench.parts import Options

PART = "growth"
MONTHS = {"1M": 2, "10M": 20, "50M": 100}
BASE = "1M"
GOAL = 1.2
DRIVER_GIB = 4


def run(book: Book, options: Options) -> None:
    """Build the histories that are not there, then give each a file in turn; last, a late list."""
    wanted = [*MONTHS, *map(_late, MONTHS)]
    if all(len(book.runs(PART, case)) >= options.rounds for case in wanted):
        return
    with ExitStack() as stack:
        homes = {size: _home(stack, options, size) for size in MONTHS}
        for size, home in homes.items():
            book.state(PART, f"lines of {size}", home.lines)
            book.state(PART, f"versions of {size}", home.versions())
        _one_file(homes)  # caches are cold, and so is what the history was made by
        for nth in range(1, options.rounds + 1):
            _one_round(book, homes, nth)


def _home(stack: ExitStack, options: Options, size: str) -> Grown:
    path = options.kept / PART / size
    if path.exists() and not is_built(path):
        shutil.rmtree(path)
    home = Grown(stack.enter_context(fresh_home(path)), MONTHS[size], options.countries)
    if not is_built(path):
        home.build()
    return home


def _one_file(homes: dict[str, Grown]) -> dict[str, Seen]:
    """The log of one window for each; all must make the same of it."""
    number = max(home.files for home in homes.values())
    seen = {size: home.one_more_file(number) for size, home in homes.items()}
    batches = {size: home.last_batch() for size, home in homes.items()}
    if len(set(batches.values())) > 1:
        raise AssertionError(f"the same file gave other lines: {batches}")
    return seen


def _one_round(book: Book, homes: dict[str, Grown], nth: int) -> None:
    """A file, and a late price, for each size."""
    if any(len(book.runs(PART, size)) < nth for size in homes):
        for size, seen in _one_file(homes).items():
            if len(book.runs(PART, size)) < nth:
                book.add(PART, size, **_figures(seen))
    number = max(home.lists for home in homes.values())
    for size, home in homes.items():
        if len(book.runs(PART, _late(size))) < nth:
            book.add(PART, _late(size), **_restated(home, number))


def _late(size: str) -> str:
    return f"{size}, a late price"


def _restated(home: Grown, nth: int) -> Figures:
    """A price list of one day of a past month arrives late; no other month may be written."""
    seen = home.late_price(nth)
    written = months_of(+seen.gold.written)
    if written != [f"{RESTATED:%Y_%m}"]:
        raise AssertionError(f"a price of {RESTATED} wrote {written}")
    return _figures(seen)


def _figures(seen: Seen) -> Figures:
    gold = seen.gold
    return seen.figures | {
        "rows": gold.rows.total(),
        "blocks": gold.blocks.total(),
        "written": gold.written.total(),
        "months_written": len(months_of(+gold.written)),
    }


def report(book: Book) -> str:
    """A table of ratios, the goal beside them, memory, and what a late price wrote."""
    sizes = [size for size in MONTHS if size in book.cases(PART)]
    if BASE not in sizes:
        return "## Growth\n\nNot measured yet."
    largest = sizes[-1]
    most = book.peak(PART, largest, "driver_mib")
    times, rows = (book.ratio(PART, largest, BASE, figure) for figure in ("wall", "rows"))
    files, memory = (
        _together(book, largest, kinds) / _together(book, BASE, kinds)
        for kinds in (_KINDS, _MEMORY)
    )
    worst = max(times, rows, files, memory)
    chart = bars(
        PART,
        "One more 4-hour file, by lines of history (wall)",
        [(size, book.median(PART, size)) for size in sizes],
        ours=sizes,
        goal=GOAL * book.median(PART, BASE),
    )
    lines = [
        "## Growth",
        (
            "The same 4-hour file (about 2,780 lines, 70 bytes each) onto a longer and longer"
            " history, half a million lines a month: `run_pipeline.sh` from ingestion to mail. The"
            " history is made as a backfill leaves it, a commit a month, and 30 commits of single"
            " files. Price lists are daily, of 4,000 products, a fifteenth with a new price."
        ),
        table(_HEAD, [_row(book, size) for size in sizes]),
        (
            f"Goal: within {GOAL} × from the smallest to the largest. From {BASE} to {largest} it"
            f" is {times:.2f} × in time, {rows:.2f} × in rows that Postgres read, {files:.2f} × in"
            f" files of the lake that were opened, and {memory:.2f} × in memory of all processes"
            " together, Postgres' buffers among it, which longer histories fill:"
            f" {'met' if worst <= GOAL else 'missed'}. The driver (its JVM of"
            f" 3 GiB heap at most, and its Python) peaked at {most:,.0f} MiB with {largest}:"
            f" {'within' if most <= DRIVER_GIB * 1024 else 'beyond'} {DRIVER_GIB} GiB."
        ),
        chart,
        *_late_prices(book, sizes),
    ]
    return "\n\n".join(lines)


_HEAD = (
    *("history", "× wall", "× CPU", "× rows read in Postgres", "× blocks"),
    *("lake: data files", "manifests", "table metadata"),
    *("driver MiB", "workers MiB", "Postgres MiB"),
)
_KINDS = ("data_files", "manifests_files", "metadata_files")
_MEMORY = ("driver_mib", "workers_mib", "postgres_mib")


def _together(book: Book, size: str, kinds: tuple[str, ...]) -> float:
    """The median over a case's measurements of what these figures are together."""
    return median(sum(run[kind] for kind in kinds) for run in book.runs(PART, size))


def _row(book: Book, size: str) -> list[str]:
    lines, versions = (book.fact(PART, f"{what} of {size}", 0) for what in ("lines", "versions"))
    ratios = [book.ratio(PART, size, BASE, f) for f in ("wall", "cpu", "rows", "blocks")]
    files = [book.median(PART, size, kind) for kind in _KINDS]
    memory = [book.peak(PART, size, kind) for kind in _MEMORY]
    return [
        f"{lines:,} lines, {MONTHS[size]} months, {versions:,} product versions",
        *(f"{ratio:.2f}" for ratio in ratios),
        *(f"{value:,.0f}" for value in (*files, *memory)),
    ]


def _late_prices(book: Book, sizes: list[str]) -> list[str]:
    """What restating one product's price in a past month took."""
    cases = [_late(size) for size in sizes if _late(size) in book.cases(PART)]
    if not cases:
        return []
    rows = [
        [
            case,
            f"{book.ratio(PART, case, cases[0]):.2f}",
            f"{book.ratio(PART, case, cases[0], 'rows'):.2f}",
            f"{book.peak(PART, case, 'months_written'):.0f}",
            f"{book.median(PART, case, 'data_files'):.0f}",
        ]
        for case in cases
    ]
    head = ("history", "× wall", "× rows read in Postgres", "months written", "lake: data files")
    return [
        (
            f"A price list of {RESTATED:%d %B %Y} arrives afterwards, one product of 4,000 with"
            " another price: its lines of that month are priced anew, and Postgres' own counters"
            " show that no other month was written (else the bench stops)."
        ),
        table(head, rows),
    ]
