"""The logical dates that a call is limited to: of a file, the date in its name. And months."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from jobs.common.errors import UsageError

From = Annotated[
    str | None,
    typer.Option("--from", metavar="YYYY-MM-DD", help="From this logical date on."),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="YYYY-MM-DD", help="Up to this logical date, inclusive."),
]


@dataclass(frozen=True)
class Dates:
    """A range of days, both ends inclusive; None leaves an end open. Falsy when it is all days."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None

    def __str__(self) -> str:
        if self.first == self.last:
            return f"of {self.first}" if self else "of all days"
        parts = [f"from {self.first}" if self.first else "", f"to {self.last}" if self.last else ""]
        return " ".join(filter(None, parts))

    @classmethod
    def parse(cls, first: str | None, last: str | None) -> Dates:
        """The range that `--from` and `--to` name.

        Raises:
            UsageError: one is no date, or they are the wrong way round.
        """
        dates = cls(_day(first, "--from"), _day(last, "--to"))
        if dates.first and dates.last and dates.first > dates.last:
            raise UsageError(f"--from {dates.first} is after --to {dates.last}")
        return dates


def moment(text: str) -> datetime:
    """`YYYY-MM-DD HH:MM`, UTC.

    Raises:
        UsageError: it is of another form.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(
            f"--at is no moment: {text}", do='write it as "YYYY-MM-DD HH:MM"'
        ) from None


def bounds(month: date) -> dict[str, object]:
    """A month for a statement's parameters: it, its first moment and the next one's (UTC)."""
    following = next_month(month)
    return {
        "month": month,
        "start": datetime(month.year, month.month, 1, tzinfo=UTC),
        "past": datetime(following.year, following.month, 1, tzinfo=UTC),
    }


def whole_months(first: date, past: date) -> tuple[date, date]:
    """Of the days [first, past), those of whole months, likewise; none: both are `past`."""
    begun = first if first.day == 1 else next_month(first)
    ended = past.replace(day=1)
    return (begun, ended) if begun < ended else (past, past)


def month_of(text: str, option: str) -> date:
    """The first day of the month `YYYY-MM`.

    Raises:
        UsageError: it is of another form.
    """
    try:
        if len(text) == len("YYYY-MM"):
            return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a calendar month
    except ValueError:
        pass
    raise UsageError(f"{option} is no month: {text}", do="write it as YYYY-MM, such as 2011-12")


def months_before(month: date, count: int) -> date:
    """The first day of the month so many months before."""
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def next_month(day: date) -> date:
    """The first day of the month after a day's."""
    years, number = divmod(day.month, 12)
    return date(day.year + years, number + 1, 1)


def spans(months: Iterable[date]) -> list[dict[str, object]]:
    """Of months in order, those that follow each other as one: its first moment, and the one after
    its last (UTC), for a statement's parameters.
    """
    found: list[dict[str, object]] = []
    for month in months:
        own = bounds(month)
        if found and found[-1]["past"] == own["start"]:
            found[-1]["past"] = own["past"]
        else:
            found.append({"start": own["start"], "past": own["past"]})
    return found


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        # fromisoformat alone also takes 20110301 and 2011-W09-2.
        if len(day := text.strip()) == len("YYYY-MM-DD") and day[4] == day[7] == "-":
            return date.fromisoformat(day)
    except ValueError:
        pass
    raise UsageError(f"{option} is no date: {text}", do="write it as YYYY-MM-DD")


EVERY_DAY = Dates()
