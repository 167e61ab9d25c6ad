"""The digest's section about unusually large order lines."""

from __future__ import annotations

from jobs.notify import words
from jobs.notify.blocks import Block, Cell, Column, Heading, Paragraph, Table
from jobs.notify.facts import Finding, Group, Odd
from jobs.notify.timeline import picture


def odd_blocks(odd: Odd) -> list[Block]:
    """How lines are flagged, a picture, the furthest ones, and how the rest groups."""
    blocks: list[Block] = [
        Heading("Unusually large order lines", "odd"),
        Paragraph(
            "A line is flagged when its quantity is above the threshold that the product's"
            " earlier sales set. Reviewing a line teaches the next baseline."
        ),
        picture(odd),
        _top_table(odd),
    ]
    # With a handful of lines the ranking above already is the whole list.
    if odd.totals.lines > len(odd.top):
        blocks += [_categories_table(odd), _products_table(odd)]
    return blocks


def _top_table(odd: Odd) -> Table:
    columns = (
        Column("Product", "left"),
        Column("Ordered"),
        Column("Expected at most"),
        Column("z-score"),
    )
    rest = odd.totals.lines - len(odd.top)
    note = f"And {words.plural(rest, 'more line')}; the first command below lists them." * (
        rest > 0
    )
    return Table(
        title="Furthest from expectation",
        columns=columns,
        rows=tuple(_finding_row(finding) for finding in odd.top),
        note=note,
    )


def _finding_row(finding: Finding) -> tuple[Cell, ...]:
    detail = " · ".join(
        (
            words.clean(finding.stock_code, 20),
            f"invoice line {words.clean(finding.transaction_id, 30)}",
            f"{finding.invoice_date:%Y-%m-%d}",
        )
    )
    return (
        Cell(words.clean(finding.description) or "(no description)", detail),
        Cell(words.whole(finding.quantity)),
        Cell(words.tenths(finding.threshold), f"median {words.compact(finding.median)}"),
        Cell(words.tenths(finding.z_score)),
    )


def _categories_table(odd: Odd) -> Table:
    """A row a category with its share of all odd lines, and one for what the ranking leaves out."""
    totals = odd.totals
    groups = list(odd.categories)
    rest = Group(
        "All others",
        totals.lines - sum(group.lines for group in groups),
        totals.units_above - sum(group.units_above for group in groups),
        totals.amount - sum(group.amount for group in groups),
    )
    if rest.lines:
        groups.append(rest)
    rows = tuple(_category_row(group, totals.lines) for group in groups)
    return Table("By category", _group_columns("Category"), rows)


def _category_row(group: Group, all_lines: int) -> tuple[Cell, ...]:
    return (
        Cell(words.clean(group.name, 48) or "(none)", share=group.lines / all_lines),
        Cell(words.whole(group.lines), words.percent(group.lines, all_lines)),
        *_sums(group),
    )


def _products_table(odd: Odd) -> Table:
    rows = tuple(
        (
            Cell(words.clean(group.name, 48) or "(none)", words.clean(group.detail, 20)),
            Cell(words.whole(group.lines)),
            *_sums(group),
        )
        for group in odd.products
    )
    return Table("Products with the most odd lines", _group_columns("Product"), rows)


def _group_columns(first: str) -> tuple[Column, ...]:
    return Column(first, "left"), Column("Lines"), Column("Units above"), Column("Sales value")


def _sums(group: Group) -> tuple[Cell, Cell]:
    return Cell(words.whole(group.units_above)), Cell(words.whole(group.amount))
