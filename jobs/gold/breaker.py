"""The circuit breaker: a load whose input is out of its usual range publishes nothing.

Two checks, at the end of the load's transaction: the share of malformed lines, of each new file
and of all, and each changed day's sales and returns against the trading days before it. A person
may accept what was found, for one run. Amounts are gold's, at list prices.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.common.checks import Check, Severity
from jobs.common.db import run_file

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.settings import Settings
    from jobs.gold.staged import Staged

MALFORMED = "malformed_share_is_usual"
TOTALS = "day_totals_are_usual"
ALL_FILES = "all new files"
DAYS_WANTED = 28
DAYS_NEEDED = 7


@dataclass(frozen=True)
class Trip:
    """A thing out of range: its files are the ones to blame, the worst first."""

    check: str
    subject: str
    files: tuple[str, ...]
    observed: str
    expected: str


class NewFile(NamedTuple):
    """A file that gold has not taken."""

    sha256: str
    name: str
    window_start: datetime
    lines: int
    malformed: int


class Total(NamedTuple):
    """A changed day's sales or returns, before and after the load, and its usual sales."""

    day: date
    side: str
    amount: Decimal
    before: Decimal
    median: Decimal
    days: int

    @property
    def times(self) -> Decimal:
        """How many times the median it is."""
        return self.amount / self.median


@dataclass
class Verdict:
    """What the breaker saw, and what of it is out of range."""

    files: list[NewFile]
    totals: list[Total]
    limits: Settings
    trips: list[Trip] = field(default_factory=list)

    def checks(self, *, accepted: bool) -> list[Check]:
        """For `ops.checks`; what a person accepted only warns."""
        severity: Severity = "warn" if accepted else "fail"
        seen = {MALFORMED: _share_of_all(self.files), TOTALS: _largest(self.totals)}
        allowed = {
            MALFORMED: at_most_malformed(self.limits),
            TOTALS: f"at most {self.limits.breaker_max_jump:g} times the median",
        }
        found = []
        for name in (MALFORMED, TOTALS):
            words = [trip.observed for trip in self.trips if trip.check == name]
            observed = "; ".join(words) or seen[name]
            found.append(Check(name, severity, not words, observed, allowed[name]))
        return found


def remember_days(cur: Cursor) -> None:
    """Keep the sums by day as they are before the load."""
    cur.execute("CREATE TEMP TABLE days_before ON COMMIT DROP AS TABLE ops.sales_by_day")


def judge(cur: Cursor, settings: Settings, staged: Staged) -> Verdict:
    """Look at what the load's transaction has done; it must not be committed yet."""
    files = new_files(cur) if staged.files else []
    run_file(cur, "load/98_days.sql", {"days_wanted": DAYS_WANTED, "days_needed": DAYS_NEEDED})
    verdict = Verdict(files, [Total(*row) for row in cur.fetchall()], settings)
    verdict.trips += malformed_files(files, settings)
    jumps = [total for total in verdict.totals if is_jump(total, settings)]
    if jumps:
        verdict.trips += jumped_days(jumps, _shares(cur, jumps), staged, settings)
    return verdict


def new_files(cur: Cursor) -> list[NewFile]:
    """The new files, that with the largest share of malformed lines first."""
    run_file(cur, "load/97_malformed_files.sql")
    return [NewFile(*row) for row in cur.fetchall()]


def malformed_files(files: list[NewFile], limits: Settings) -> list[Trip]:
    """Files that are large enough and too bad; else all of them together, when these are."""
    allowed = at_most_malformed(limits)
    bad = [file for file in files if _is_too_bad(file.malformed, file.lines, limits)]
    if bad:
        return [Trip(MALFORMED, f.sha256, (f.name,), _words_of(f), allowed) for f in bad]
    lines, malformed = sum(f.lines for f in files), sum(f.malformed for f in files)
    if not _is_too_bad(malformed, lines, limits):
        return []
    names = tuple(file.name for file in files if file.malformed)
    return [Trip(MALFORMED, ALL_FILES, names, _share_of_all(files), allowed)]


def _is_too_bad(malformed: int, lines: int, limits: Settings) -> bool:
    return lines >= limits.breaker_min_rows and malformed > limits.breaker_max_malformed * lines


def at_most_malformed(limits: Settings) -> str:
    """The rule in words."""
    share = limits.breaker_max_malformed
    return f"at most {share:.1%} malformed, from {limits.breaker_min_rows:,} lines up"


def _words_of(file: NewFile) -> str:
    return f"{file.name}: {_share(file.malformed, file.lines)}"


def _share_of_all(files: list[NewFile]) -> str:
    lines, malformed = sum(f.lines for f in files), sum(f.malformed for f in files)
    return _share(malformed, lines) if lines else "no new lines"


def _share(malformed: int, lines: int) -> str:
    return f"{malformed:,} of {lines:,} lines malformed ({malformed / lines:.1%})"


def is_jump(total: Total, limits: Settings) -> bool:
    """Whether a sum is too large.

    One that was beyond the limit before has been accepted, or is older than the breaker: of
    that day, what the load adds is judged by itself.
    """
    limit = limit_of(total, limits)
    known = total.before if total.before > limit else Decimal(0)
    return total.amount - known > limit


def limit_of(total: Total, limits: Settings) -> Decimal:
    """What the day may sell."""
    return total.median * Decimal(str(limits.breaker_max_jump))


def _largest(totals: list[Total]) -> str:
    if not totals:
        return f"no changed day with {DAYS_NEEDED} trading days before it"
    return _words(totals[0])


def _words(total: Total) -> str:
    return (
        f"{total.day}: {total.side} of {total.amount:,.2f}, {total.times:,.1f} times the median"
        f" sales ({total.median:,.2f}) of the {total.days} trading days before"
    )


Shares = dict[tuple[date, str], list[tuple[str, Decimal]]]


def _shares(cur: Cursor, jumps: list[Total]) -> Shares:
    """By day and side, what each new file brings, the most first."""
    numbers = [int(f"{total.day:%Y%m%d}") for total in jumps]
    run_file(cur, "load/99_shares_of_day.sql", {"day_numbers": numbers})
    found: Shares = defaultdict(list)
    for number, side, name, amount in cur.fetchall():
        found[datetime.strptime(str(number), "%Y%m%d").date(), side].append((name, amount))  # noqa: DTZ007 - a day
    return found


def jumped_days(jumps: list[Total], shares: Shares, staged: Staged, limits: Settings) -> list[Trip]:
    """A trip a day and side, with the fewest files without which it would be in range.

    Where new lines alone do not explain it, the new price lists are to blame.
    """
    lists = tuple(sorted(each.name for each in staged.lists if each.dataset == "products"))
    trips = []
    for total in jumps:
        limit = limit_of(total, limits)
        names, rest = fewest(shares.get((total.day, total.side), []), total.amount - limit)
        files = (*names, *lists) if rest > 0 else names
        expected = f"at most {limits.breaker_max_jump:g} times the median: {limit:,.2f}"
        trips.append(Trip(TOTALS, f"{total.day} {total.side}", files, _words(total), expected))
    return trips


def fewest(parts: list[tuple[str, Decimal]], excess: Decimal) -> tuple[tuple[str, ...], Decimal]:
    """The first of the files that together bring the excess, and what of it they do not."""
    names: list[str] = []
    for name, amount in parts:
        if excess <= 0:
            break
        names.append(name)
        excess -= amount
    return tuple(names), excess


def as_values(trips: list[Trip]) -> list[tuple[Any, ...]]:
    """Rows of `ops.breaker_trips`."""
    return [(t.check, t.subject, list(t.files), t.observed, t.expected) for t in trips]
