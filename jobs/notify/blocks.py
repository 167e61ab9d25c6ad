"""What a message is made of: typed blocks, built once and rendered as HTML and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "odd", "error"]
Align = Literal["left", "right"]


@dataclass(frozen=True)
class Heading:
    """The start of a section."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Figure:
    """One number and what it counts."""

    value: str
    label: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class KeyFigures:
    """The few numbers to take away, side by side."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Column:
    """A table column's heading and side."""

    name: str
    align: Align = "right"


@dataclass(frozen=True)
class Cell:
    """A value, a smaller second line, and a share from 0 to 1 that HTML shows as a bar."""

    text: str
    detail: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """Rows of cells below a title; a note below the rows."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A label of the time axis and its count."""

    label: str
    value: int


@dataclass(frozen=True)
class Bars:
    """A column chart of counts over time."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Dot:
    """What was expected at most, and what came."""

    label: str
    expected: float
    actual: int


@dataclass(frozen=True)
class Dots:
    """A dot plot of expected against actual, one row a finding."""

    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Picture:
    """A chart; `alt` carries its figures where pictures are off."""

    title: str
    chart: Bars | Dots
    alt: str
    cid: str = "chart"


@dataclass(frozen=True)
class Issue:
    """A kind of fault: how many, what it means, what to do, and one example."""

    name: str
    count: str
    meaning: str
    remedy: str
    often: str = ""
    example: str = ""
    source: str = ""


@dataclass(frozen=True)
class Command:
    """Something to paste into a terminal or a SQL prompt, and why."""

    about: str
    code: str


@dataclass(frozen=True)
class Commands:
    """The next steps, in order."""

    steps: tuple[Command, ...]


@dataclass(frozen=True)
class Link:
    """A label and an http(s) address."""

    label: str
    url: str


@dataclass(frozen=True)
class Links:
    """Where to look further."""

    links: tuple[Link, ...]


Block = Heading | Paragraph | KeyFigures | Table | Picture | Issue | Commands | Links


@dataclass(frozen=True)
class Message:
    """One digest, before it takes a form. `lead` follows the verdict; `footer` is fine print."""

    subject: str
    preheader: str
    eyebrow: str
    verdict: str
    lead: str
    blocks: tuple[Block, ...]
    footer: tuple[str, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The charts in the message."""
        return tuple(block for block in self.blocks if isinstance(block, Picture))
