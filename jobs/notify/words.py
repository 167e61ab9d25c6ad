"""Figures, days and other people's text as a reader should see them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from jobs.common.printable import UNSAFE


def clean(text: object, limit: int = 80) -> str:
    """One line of foreign text: no controls, single spaces, at most `limit` characters."""
    line = " ".join(UNSAFE.sub(" ", str(text or "")).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def whole(value: float | Decimal) -> str:
    """1,234,568"""
    return f"{value:,.0f}"


def compact(value: float | Decimal) -> str:
    """12.5, 1,234: a decimal only where it says something."""
    rounded = round(float(value), 1)
    return whole(rounded) if rounded.is_integer() or abs(rounded) >= 1000 else f"{rounded:,.1f}"


def tenths(value: float) -> str:
    """12.5, 118.0: for columns of figures."""
    return f"{value:,.1f}"


def percent(part: float | Decimal, of: float | Decimal) -> str:
    """4.3 %; never "0 %" for something, nor "100 %" for less than all."""
    if not of:
        return "–"
    share = 100 * float(part) / float(of)
    if 0 < share < 0.1:
        return "under 0.1\u00a0%"
    return f"{min(share, 99.9) if part < of else share:.1f}\u00a0%"


def plural(count: int, one: str, many: str = "") -> str:
    """1 line, 2 lines"""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(parts: list[str], comma: str = "") -> str:
    """a; a and b; a, b and c. With a comma before "and", clauses."""
    return f"{comma} and ".join([*([", ".join(parts[:-1])] if parts[:-1] else []), *parts[-1:]])


def day(value: date) -> str:
    """9 December 2011"""
    return f"{value.day} {value:%B %Y}"


def days(first: date, last: date) -> str:
    """on 9 December 2011; from 1 December 2010 to 9 December 2011"""
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def iso_days(first: date, last: date) -> str:
    """2011-12-09; 2010-12-01 to 2011-12-09"""
    return f"{first}" if first == last else f"{first} to {last}"


def moment(value: datetime) -> str:
    """21 November 2026, 06:12 UTC"""
    utc = value.astimezone(UTC)
    return f"{day(utc)}, {utc:%H:%M} UTC"


def is_web_link(url: str) -> bool:
    """Only these addresses become links."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
