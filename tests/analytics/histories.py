"""Random histories of a shop: lines that arrive late, change, move and go, and what people do.

Hypothesis draws sizes and seeds, so an example is rich and still shrinks to fewer products
and lines. Each product is a case of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

from hypothesis import strategies as st

from tests.analytics.oracle import Line, Mode, Rule, Status

STEPS = 4
STATUSES: tuple[Status, ...] = ("NEW", "REVIEWED", "RESOLVED", "FALSE_POSITIVE")


# Few months with many lines each, the first of them a year and less before the last.
MONTHS = (0, 1, 2, 6, 7, 12, 13, 14)


@dataclass
class Step:
    """What happens between two runs of the job: mail and reviews first, then loads."""

    mailed: bool = False
    reviews: list[tuple[float, Status]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    repriced: list[str] = field(default_factory=list)


def moment(chance: Random) -> datetime:
    """A time since 2010, often the first instant or the last second of a month."""
    month = chance.choice(MONTHS)
    first = datetime(2010 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    days = chance.choice((0, 0, -1, chance.randrange(28), chance.randrange(28)))
    if days < 0 and month > 0:
        return first - timedelta(seconds=1)
    return first + timedelta(days=max(days, 0), hours=chance.randrange(3) * bool(days))


def quantity(chance: Random) -> int:
    """Mostly few units, now and then many, or a return."""
    if chance.random() < 0.2:
        return chance.choice((10, 15, 15, 20, 30, 60, 200))
    return chance.choice((-6, 1, 2, 3, 3, 4, 5, 6))


def made_anew(line: Line, products: int, chance: Random) -> Line:
    """The same line with another quantity, time or product."""
    what = chance.randrange(4)
    if what == 0:
        return replace(line, invoice_date=moment(chance))
    if what == 1:
        return replace(line, stock_code=f"P{chance.randrange(products)}")
    return replace(line, quantity=quantity(chance))


def deliver(steps: list[Step], products: int, lines: int, chance: Random) -> None:
    """Spread lines over the steps, whatever their months; a third of them is told anew later."""
    for number in range(products * lines):
        code = f"P{number % products}"
        line = Line(f"{number}-1", code, quantity(chance), moment(chance))
        first = min(chance.randrange(STEPS), chance.randrange(STEPS))
        steps[first].lines.append(line)
        step = steps[chance.randrange(first, STEPS)]
        fate = chance.randrange(12)
        if fate == 0:
            step.gone.append(line.transaction_id)
        elif fate == 1:
            step.repriced.append(line.transaction_id)
        elif fate < 4:
            step.lines.append(made_anew(line, products, chance))


def judgements(chance: Random) -> Iterator[tuple[float, Status]]:
    """Which of the rows that are there, as a share of them, and what they are found to be."""
    for _ in range(chance.randrange(8)):
        yield chance.random(), chance.choice(STATUSES)


# Mostly many; the first of each is what a failure shrinks to.
products = st.sampled_from((1, 8, 10, 12))
lines = st.sampled_from((8, 24, 30, 36))


@st.composite
def histories(draw: st.DrawFn, *, reviewed: bool) -> list[Step]:
    """Steps whose lines come in any order of months."""
    chance = Random(draw(st.integers(0, 2**32 - 1)))
    steps = [Step() for _ in range(STEPS)]
    deliver(steps, draw(products), draw(lines), chance)
    for step in steps if reviewed else ():
        step.mailed = draw(st.booleans())
        step.reviews = list(judgements(chance))
    return steps


def rules(mode: Mode) -> st.SearchStrategy[Rule]:
    """Low limits, so that short histories have much to flag."""
    ks = st.sampled_from((Fraction(1, 2), Fraction(1), Fraction(2)))
    return st.builds(Rule, ks, st.integers(2, 6), st.just(mode))
