"""What a part of the bench is, and which there are."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from bench.book import Book

NAMES = ("asof", "load", "job", "freshness", "growth", "scd2", "views", "scale")


@dataclass(frozen=True)
class Options:
    """What every part is told: the real year's files, how often, and where there is room.

    `kept` is room for what takes long to make, and is there again when a run goes on.
    """

    data: Path
    countries: Path
    rounds: int
    scratch: Path
    kept: Path


class Part(Protocol):
    """A module `bench/<name>.py`: measures what its book lacks, and writes its section."""

    def run(self, book: Book, options: Options) -> None:
        """Measure each case until the book has `options.rounds` of it."""

    def report(self, book: Book) -> str:
        """The section of docs/performance.md: Markdown that begins with `## `."""


def part(name: str) -> Part:
    """The module of a part."""
    return cast(Part, import_module(f"bench.{name}"))
