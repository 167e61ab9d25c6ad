"""`python -m bench [PART …]`: measures, and writes docs/performance.md."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench import page
from bench.book import Book
from bench.parts import NAMES, Options, part
from bench.processes import ROOT


def main(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"Some of: {', '.join(NAMES)}; else all.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The real year's file.")] = (
        ROOT / "../shared/data/online_retail.csv.xz"
    ),
    countries: Annotated[Path, typer.Option(help="The countries master.")] = (
        ROOT / "../shared/data/countries.csv"
    ),
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each case.")] = 5,
    book: Annotated[
        Path, typer.Option(help="Where figures are kept; a book that exists is gone on with.")
    ] = ROOT / "bench" / "results" / "book.json",
    scratch: Annotated[
        Path | None,
        typer.Option(help="A directory with 60 GB of room; grown histories stay there."),
    ] = None,
    write: Annotated[bool, typer.Option(help="Write docs/performance.md.")] = True,
) -> None:
    """Measure the parts, and write the page from all that the book has."""
    chosen = parts or list(NAMES)
    if unknown := sorted(set(chosen) - set(NAMES)):
        raise typer.BadParameter(f"no such part: {', '.join(unknown)}; there are {NAMES}")
    figures = Book(book)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch) as directory:
        room = Path(directory)
        kept = scratch.resolve() if scratch else room
        options = Options(data.resolve(), countries.resolve(), rounds, room, kept)
        for name in chosen:
            typer.echo(f"== {name}", err=True)
            part(name).run(figures, options)
    if write:
        typer.echo(f"wrote {page.write(figures)}", err=True)


if __name__ == "__main__":
    typer.run(main)
