"""The digest's picture: odd lines over time, or for a short span expected against actual."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from jobs.notify import words
from jobs.notify.blocks import Bar, Bars, Dot, Dots, Picture
from jobs.notify.facts import Odd

MIN_BARS = 4
MAX_BARS = 16
MAX_MONTHS = 24
MAX_DOTS = 10
DOT_LABEL = 26


def picture(odd: Odd) -> Picture:
    """Bars when the lines spread over time; else, as after a daily load, the top findings."""
    unit, bars = bars_over_time(odd.per_day)
    if len(bars) >= MIN_BARS:
        return _bars_picture(unit, bars)
    return _dots_picture(odd)


def bars_over_time(per_day: tuple[tuple[date, int], ...]) -> tuple[str, tuple[Bar, ...]]:
    """Counts by the finest of day, week, month and year that gives few bars; gaps count 0."""
    first, last = per_day[0][0], per_day[-1][0]
    span = (last - first).days + 1
    unit = _unit(span)
    counts: Counter[date] = Counter()
    for day, lines in per_day:
        counts[_start(day, unit)] += lines
    starts = sorted({_start(first + timedelta(days=step), unit) for step in range(span)})
    return unit, tuple(Bar(_label(start, unit), counts[start]) for start in starts)


def _unit(span: int) -> str:
    if span <= MAX_BARS:
        return "day"
    if span <= 7 * (MAX_BARS - 1):
        return "week"
    return "month" if span <= 30 * (MAX_MONTHS - 1) else "year"


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _label(start: date, unit: str) -> str:
    if unit == "year":
        return f"{start:%Y}"
    return f"{start:%b %Y}" if unit == "month" else f"{start.day} {start:%b}"


def _bars_picture(unit: str, bars: tuple[Bar, ...]) -> Picture:
    figures = ", ".join(f"{bar.label} {words.whole(bar.value)}" for bar in bars)
    starting = " starting Monday" if unit == "week" else ""
    title = f"Odd lines by {unit}{starting}"
    return Picture(title, Bars(bars), alt=f"{title}: {figures}.")


def _dots_picture(odd: Odd) -> Picture:
    dots = tuple(
        Dot(
            words.clean(finding.description or finding.stock_code, DOT_LABEL),
            finding.threshold,
            finding.quantity,
        )
        for finding in odd.top[:MAX_DOTS]
    )
    title = "Ordered against expected"
    figures = "; ".join(
        f"{dot.label} {words.whole(dot.actual)} against {words.compact(dot.expected)}"
        for dot in dots
    )
    return Picture(title, Dots(dots), alt=f"{title}: {figures}.")
