"""Values as the jobs hand them over to Postgres."""

from __future__ import annotations

from decimal import Decimal


def in_units(value: object) -> object:
    """Money in ten-thousandths; all else as it is."""
    return int(value * 10_000) if isinstance(value, Decimal) else value
