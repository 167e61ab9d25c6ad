"""Single fields: text to value, or why not. None stands for an empty field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_PRICE = re.compile(r"[0-9]{1,8}(\.[0-9]{0,4}0*)?|\.[0-9]{1,4}0*")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}")

LONGEST = 200  # characters of a code or name: Postgres' indexes hold no value of 2,700 bytes
INT32 = range(-(2**31), 2**31)


class BadField(ValueError):
    """The field cannot be used."""


def whole(name: str, text: str, allowed: range = INT32) -> int:
    """A whole number within `allowed`."""
    if _WHOLE.fullmatch(text) is None:
        raise BadField(
            f"{name}: {text[:60]!r} is not a whole number" if text else f"{name} is missing"
        )
    value = int(text)
    if value not in allowed:
        raise BadField(f"{name}: {text} is not from {allowed.start} to {allowed.stop - 1}")
    return value


def moment(name: str, text: str) -> datetime:
    """`YYYY-MM-DD HH:MM:SS`, UTC."""
    if not text:
        raise BadField(f"{name} is missing")
    try:
        if _MOMENT.fullmatch(text) is None:
            raise ValueError
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise BadField(f"{name}: {text[:60]!r} is not YYYY-MM-DD HH:MM:SS") from None


def price(name: str, text: str) -> Decimal:
    """A price: not negative, at most 8 digits before the point and 4 after."""
    if not text:
        raise BadField(f"{name} is missing")
    if _PRICE.fullmatch(text) is None:
        raise BadField(f"{name}: {text[:60]!r} is not a price with at most 4 decimal places")
    return Decimal(text).quantize(Decimal("0.0001"))


def required(name: str, text: str) -> str:
    """A code or name."""
    if not text:
        raise BadField(f"{name} is missing")
    return _short(name, text)


def optional(name: str, text: str) -> str | None:
    """A code or name that may be empty."""
    return _short(name, text) if text else None


def _short(name: str, text: str) -> str:
    if len(text) > LONGEST:
        raise BadField(f"{name}: it has {len(text)} characters, more than {LONGEST}")
    return text
