"""The anomaly rule by brute force, from the design's words alone; in fractions, so exact."""

from __future__ import annotations

import calendar
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

Mode = Literal["monthly", "all"]
Status = Literal["NEW", "REVIEWED", "RESOLVED", "FALSE_POSITIVE"]
Review = tuple[str, Status]

PRECISE = Context(prec=60)


@dataclass(frozen=True)
class Line:
    """An invoice line, as far as the rule looks at it."""

    transaction_id: str
    stock_code: str
    quantity: int
    invoice_date: datetime

    @property
    def month(self) -> date:
        return self.invoice_date.astimezone(UTC).date().replace(day=1)


@dataclass(frozen=True)
class Rule:
    """The settings of a home."""

    k: Fraction = Fraction(2)
    min_lines: int = 10
    mode: Mode = "monthly"


@dataclass(frozen=True)
class Flag:
    """What a flagged line is told by; figures rounded once, from exact ones."""

    median: float
    deviation: float
    threshold: float
    z_score: float


@dataclass(frozen=True)
class Coverage:
    """A month: sales lines, those scored, those not, those flagged."""

    sales_lines: int
    scored: int
    unscored: int
    flagged: int


@dataclass(frozen=True)
class Answer:
    """What must be in gold once all has been scored."""

    flags: dict[str, Flag]
    coverage: dict[date, Coverage]


@dataclass(frozen=True)
class Spread:
    """Median and sample variance of some quantities, exact."""

    median: Fraction
    variance: Fraction

    @property
    def deviation(self) -> Decimal:
        """60 digits of it; a zero deviation counts as 1."""
        if self.variance == 0:
            return Decimal(1)
        return decimal(self.variance).sqrt(PRECISE)

    def is_below(self, quantity: int, k: Fraction) -> bool:
        """Whether quantity > median + k·deviation, without a root."""
        above = quantity - self.median
        return above > 0 and above**2 > k**2 * (self.variance or 1)


def decimal(value: Fraction) -> Decimal:
    return PRECISE.divide(Decimal(value.numerator), Decimal(value.denominator))


def spread_of(quantities: Collection[int]) -> Spread:
    exact = [Fraction(quantity) for quantity in quantities]
    variance = statistics.variance(exact) if len(exact) > 1 else Fraction(0)
    return Spread(Fraction(statistics.median(exact)), Fraction(variance))


def months_before(month: date, months: int) -> date:
    """The first day of a month, some months earlier."""
    index = month.year * 12 + month.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def year_before(moment: datetime) -> datetime:
    """The same time a year earlier; the 28th where there is no 29th of February."""
    last = calendar.monthrange(moment.year - 1, moment.month)[1]
    return moment.replace(year=moment.year - 1, day=min(moment.day, last))


def answer(
    lines: Iterable[Line], reviews: Sequence[Review] = (), rule: Rule | None = None
) -> Answer:
    """Flags and coverage of a whole history; of several reviews of a line the last one holds."""
    rule = rule or Rule()
    status: dict[str, Status] = dict(reviews)
    sales: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.quantity > 0:
            sales[line.stock_code].append(line)
    flags: dict[str, Flag] = {}
    tally: dict[date, Counter[str]] = defaultdict(Counter)
    for line in (line for product in sales.values() for line in product):
        history = sales[line.stock_code]
        usual = baseline_of(line, history, status, rule)
        flag = judge(line, usual, floor_of(line, history, status), rule) if usual else None
        if flag:
            flags[line.transaction_id] = flag
        tally[line.month].update(lines=1, scored=bool(usual), flagged=bool(flag))
    coverage = {
        month: Coverage(n["lines"], n["scored"], n["lines"] - n["scored"], n["flagged"])
        for month, n in tally.items()
    }
    return Answer(flags, coverage)


def baseline_of(
    line: Line, history: Sequence[Line], status: dict[str, Status], rule: Rule
) -> Spread | None:
    """Of the 12 months before the line's month, or of the whole history; None of too few lines."""
    first = months_before(line.month, 12)
    quantities = [
        other.quantity
        for other in history
        if status.get(other.transaction_id) != "RESOLVED"
        and (rule.mode == "all" or first <= other.month < line.month)
    ]
    return spread_of(quantities) if len(quantities) >= rule.min_lines else None


def floor_of(line: Line, history: Sequence[Line], status: dict[str, Status]) -> int:
    """The largest FALSE_POSITIVE of the product in the 12 months before the line, else 0."""
    first = year_before(line.invoice_date)
    return max(
        (
            other.quantity
            for other in history
            if status.get(other.transaction_id) == "FALSE_POSITIVE"
            and first <= other.invoice_date < line.invoice_date
        ),
        default=0,
    )


def judge(line: Line, usual: Spread, floor: int, rule: Rule) -> Flag | None:
    """The line's flag, if it has one."""
    if line.quantity <= floor or not usual.is_below(line.quantity, rule.k):
        return None
    threshold = PRECISE.add(
        decimal(usual.median), PRECISE.multiply(decimal(rule.k), usual.deviation)
    )
    z_score = PRECISE.divide(decimal(line.quantity - usual.median), usual.deviation)
    return Flag(
        median=float(usual.median),
        deviation=float(usual.deviation),
        threshold=max(float(threshold), float(floor)),
        z_score=float(z_score),
    )
