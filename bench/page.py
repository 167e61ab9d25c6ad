"""docs/performance.md: the sections of all parts that a book has figures of."""

from __future__ import annotations

from pathlib import Path

from bench.book import Book
from bench.parts import NAMES, part
from bench.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
HEAD = """\
# Performance

Written by `make bench` from one run on one machine: {cores} cores, {memory_gib} GiB, {machine},
started {started} at commit {commit}. Figures are medians of {rounds} measurements; ratios count,
seconds are of that machine. A run that was stopped goes on where it was; it needs some 60 GB of
room (`ARGS="--scratch DIR"`) and the [real year](../README.md#data). One part again:

```
make bench ARGS="asof --book /tmp/book.json"
```

Reasons and findings are in [adr/](adr/); what is kept in `bench/results/book.json` is each
single measurement.
"""


def write(book: Book) -> Path:
    """Write the page."""
    names = [name for name in NAMES if book.cases(name)]
    rounds = min(len(book.runs(name, case)) for name in names for case in book.cases(name))
    sections = [part(name).report(book).strip() for name in names]
    head = HEAD.format(**book.about, rounds=rounds)
    PAGE.write_text("\n\n".join([head.strip(), *sections]) + "\n", encoding="utf-8")
    return PAGE
