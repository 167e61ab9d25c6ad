"""Renders a message as plain text with the same figures as the HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jobs.notify import words
from jobs.notify.blocks import (
    Bars,
    Block,
    Cell,
    Column,
    Commands,
    Dots,
    Heading,
    Issue,
    KeyFigures,
    Links,
    Message,
    Paragraph,
    Picture,
    Table,
)

WIDTH = 76
BAR = 40


def render_text(message: Message) -> str:
    """Lines of at most WIDTH characters, except for words, commands and names that are longer."""
    lines = [*_wrap(message.verdict), message.eyebrow, "", *_wrap(message.lead)]
    for block in message.blocks:
        lines += ["", *_RENDERERS[type(block)](block)]
    lines += ["", "-- "]
    for line in message.footer:
        lines += _wrap(line)
    return "\n".join(line.rstrip() if line != "-- " else line for line in lines) + "\n"


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _heading(block: Heading) -> Iterator[str]:
    yield from ("", block.text.upper(), "=" * len(block.text))


def _paragraph(block: Paragraph) -> list[str]:
    return _wrap(block.text)


def _key_figures(block: KeyFigures) -> Iterator[str]:
    width = max(len(figure.value) for figure in block.figures)
    for figure in block.figures:
        yield f"  {figure.value:>{width}}  {figure.label}"


def _table(block: Table) -> Iterator[str]:
    """A line a row; the first column's detail goes below, the others' in brackets."""
    yield from (block.title, "-" * len(block.title))
    texts = [[_cell(cell, place) for place, cell in enumerate(row)] for row in block.rows]
    heads = [column.name for column in block.columns]
    widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
    yield _row(heads, block.columns, widths)
    for row, cells in zip(block.rows, texts, strict=True):
        yield _row(cells, block.columns, widths)
        if row[0].detail:
            yield f"    {row[0].detail}"
    if block.note:
        yield from ("", *_wrap(block.note))


def _cell(cell: Cell, place: int) -> str:
    return f"{cell.text} ({cell.detail})" if place and cell.detail else cell.text


def _row(cells: list[str], columns: Iterable[Column], widths: list[int]) -> str:
    padded = (
        cell.rjust(width) if column.align == "right" else cell.ljust(width)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return "  ".join(padded)


def _picture(block: Picture) -> Iterator[str]:
    yield from (block.title, "-" * len(block.title))
    yield from _bars(block.chart) if isinstance(block.chart, Bars) else _dots(block.chart)


def _bars(chart: Bars) -> Iterator[str]:
    top = max(bar.value for bar in chart.bars)
    label_width = max(len(bar.label) for bar in chart.bars)
    width = len(words.whole(top))
    for bar in chart.bars:
        drawn = "█" * max(round(BAR * bar.value / top), bar.value > 0)
        yield f"{bar.label:<{label_width}}  {words.whole(bar.value):>{width}}  {drawn}"


def _dots(chart: Dots) -> Iterator[str]:
    label_width = max(len(dot.label) for dot in chart.dots)
    for dot in chart.dots:
        figures = f"{words.whole(dot.actual)} against {words.compact(dot.expected)}"
        yield f"{dot.label:<{label_width}}  {figures}"


def _issue(block: Issue) -> Iterator[str]:
    yield f"{block.name} · {block.count}"
    yield from _wrap(f"{block.meaning} {block.often + '.' if block.often else ''}".rstrip(), "  ")
    yield from _wrap(f"What to do: {block.remedy}", "  ")
    if block.example:
        yield from _wrap(f"Example: {block.example}", "  ")
    if block.example and block.source:
        yield f"  {block.source}"


def _commands(block: Commands) -> Iterator[str]:
    for place, step in enumerate(block.steps, start=1):
        if place > 1:
            yield ""
        yield from _wrap(f"{place}. {step.about}")
        yield from (f"     {line}" for line in step.code.splitlines())


def _links(block: Links) -> Iterator[str]:
    for link in block.links:
        yield f"{link.label}: {link.url}"


_RENDERERS: dict[type[Block], Callable[[Any], Iterable[str]]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    KeyFigures: _key_figures,
    Table: _table,
    Picture: _picture,
    Issue: _issue,
    Commands: _commands,
    Links: _links,
}
