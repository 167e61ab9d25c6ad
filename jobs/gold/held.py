"""What gold has of the staged transactions, without a look at months that cannot have any."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from jobs.common.dates import bounds
from jobs.common.db import run_file

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


# Above so many staged lines all errors are read once, below each line is looked up among them.
FEW = 100_000


def find_held(cur: Cursor, lines: int) -> list[date]:
    """Fill `held` for so many staged lines. Returns the months of the fact that were looked at."""
    run_file(cur, "load/15_held.sql", {"many": lines > FEW})
    months = [row[0] for row in cur.fetchall()]
    for month in months:
        run_file(cur, "load/16_held_of_month.sql", bounds(month))
    return months
