"""What one digest reports: figures as gold has them, not yet words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True)
class OddTotals:
    """Sums over the new odd lines, and over all sales lines of the same days.

    `unscored` of those had too little history to be judged.
    """

    lines: int
    units: int
    units_above: Decimal
    amount: Decimal
    first_day: date
    last_day: date
    sales_lines: int = 0
    sales_amount: Decimal = Decimal(0)
    unscored: int = 0


@dataclass(frozen=True)
class Group:
    """Sums over the odd lines of a category or a product."""

    name: str
    lines: int
    units_above: Decimal
    amount: Decimal
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One odd line: what was expected, what came."""

    transaction_id: str
    stock_code: str
    description: str
    invoice_date: datetime
    quantity: int
    median: float
    threshold: float
    z_score: float


@dataclass(frozen=True)
class Odd:
    """The new odd lines. `per_day` has each day with one; the lists are ranked, best first."""

    totals: OddTotals
    per_day: tuple[tuple[date, int], ...]
    categories: tuple[Group, ...]
    products: tuple[Group, ...]
    top: tuple[Finding, ...]


@dataclass(frozen=True)
class ErrorTotals:
    """Sums over the new lines in error; `rows_in` is what their loads read, if known."""

    lines: int
    units: int
    first_seen: datetime
    last_seen: datetime
    rows_in: int | None = None


@dataclass(frozen=True)
class RuleFacts:
    """The lines that broke one rule, the values most often behind it, and the newest line."""

    rule: str
    lines: int
    raw: dict[str, Any]
    source_file: str
    source_line: int | None
    often: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Errors:
    """The new lines in error. A line that broke two rules counts in both."""

    totals: ErrorTotals
    rules: tuple[RuleFacts, ...]


@dataclass(frozen=True)
class LateView:
    """A mart view that was not ready when it was due, and what was missing."""

    view: str
    due: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class HeldBack:
    """Something that the circuit breaker found out of range: its files wait, the worst first."""

    subject: str
    files: tuple[str, ...]
    observed: str
    expected: str
    first_seen: datetime


@dataclass(frozen=True)
class FailedCheck:
    """A data check that did not pass."""

    name: str
    severity: Literal["fail", "warn"]
    observed: str
    expected: str
    checked_at: datetime


@dataclass(frozen=True)
class Facts:
    """All of a digest; None where there is nothing new."""

    mail_id: int
    odd: Odd | None
    errors: Errors | None
    odd_runs: tuple[int, ...] = ()
    error_runs: tuple[int, ...] = ()
    late: tuple[LateView, ...] = ()
    late_runs: tuple[int, ...] = ()
    held: tuple[HeldBack, ...] = ()
    held_runs: tuple[int, ...] = ()
    failed: tuple[FailedCheck, ...] = ()
    failed_runs: tuple[int, ...] = ()

    @property
    def run_ids(self) -> tuple[int, ...]:
        """All runs that found something, the earliest first."""
        return tuple(
            sorted(
                {
                    *(*self.odd_runs, *self.error_runs, *self.late_runs),
                    *(*self.held_runs, *self.failed_runs),
                }
            )
        )

    @property
    def is_empty(self) -> bool:
        """Nothing to report."""
        told = (self.odd, self.errors, self.late, self.held, self.failed)
        return not any(told)
