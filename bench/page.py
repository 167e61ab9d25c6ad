"""docs/performance.md: the sections of all parts that a book has figures of."""

from __future__ import annotations

from pathlib import Path

from bench.book import Book
from bench.charts import table
from bench.parts import NAMES, part
from bench.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
HEAD = """\
# Performance

Written by `make bench`. Figures are medians; all that are compared come from one run on one
machine of {cores} cores, {memory_gib} GiB, {machine}. Ratios count, seconds are of that machine. A
run that was stopped goes on where it was; it needs some 60 GB of room (`ARGS="--scratch DIR"`) and
the [real year](../README.md#data). One part again:

```
make bench ARGS="asof --book /tmp/book.json"
```

Reasons and findings are in [adr/](adr/); what is kept in `bench/results/book.json` is each
single measurement.

{measured}
"""


def _measured(book: Book, names: list[str]) -> str:
    """How often each part was measured, when, and at which commit."""
    rows = []
    for name in names:
        rounds = min(len(book.runs(name, case)) for case in book.cases(name))
        about = book.about(name)
        rows.append((name, f"{rounds}", about["started"], f"`{about['commit']}`"))
    missing = ", ".join(name for name in NAMES if name not in names)
    words = f"\n\nNot measured yet: {missing}." if missing else ""
    return table(("part", "measurements of each case", "started", "commit"), rows) + words


def _on_one_line(block: str) -> str:
    """A paragraph without line breaks; anything else as it is."""
    return block if block.startswith(("#", "|", "!", "`", "-")) else block.replace("\n", " ")


def write(book: Book) -> Path:
    """Write the page."""
    names = [name for name in NAMES if book.cases(name)]
    sections = [part(name).report(book).strip() for name in names]
    head = HEAD.format(**book.about(names[0]), measured=_measured(book, names))
    blocks = "\n\n".join([head.strip(), *sections]).split("\n\n")
    PAGE.write_text("\n\n".join(map(_on_one_line, blocks)) + "\n", encoding="utf-8")
    return PAGE
