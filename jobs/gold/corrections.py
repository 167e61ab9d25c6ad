"""Corrections by hand that a load follows.

Prices are in `jobs/common/prices_by_hand.py`, names in `jobs/common/country_names.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


@dataclass(frozen=True)
class Unfollowed:
    """A correction that was made, or undone, since lines were last loaded."""

    number: int
    kind: str
    subject: str


def unfollowed(cur: Cursor) -> list[Unfollowed]:
    """Those that the next load has to see to."""
    cur.execute("SELECT correction_id, kind, subject FROM ops.corrections WHERE NOT followed")
    return [Unfollowed(*row) for row in cur.fetchall()]


def follow(cur: Cursor, seen: list[Unfollowed]) -> None:
    """Note that gold's lines are as these corrections have it."""
    cur.execute(
        "UPDATE ops.corrections SET followed = true WHERE correction_id = ANY(%s)",
        ([each.number for each in seen],),
    )
