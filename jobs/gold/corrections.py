"""Corrections by hand that a load follows; and the names that the shop writes for countries.

Prices are in `jobs/common/prices_by_hand.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.frames import frame_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame

Aliases = dict[str, int]


def aliases(cur: Cursor) -> Aliases:
    """The names in force, each with the id of its country."""
    cur.execute(
        "SELECT subject, country_id FROM ops.corrections"
        " WHERE kind = 'country' AND undone_at IS NULL"
    )
    return dict(cur.fetchall())


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


def with_aliases(countries: DataFrame, names: Aliases) -> DataFrame:
    """The countries, and once more under the names that mean them.

    A name that the list itself has is the list's.

    Args:
        countries: the standing countries; of their columns, name and id are kept.
    """
    own = countries.select("country", "country_id")
    if not names:
        return own
    rows = frame_of(countries.sparkSession, names.items(), "alias string, id int")
    meant = F.broadcast(rows).join(own, F.col("id") == F.col("country_id"), how="inner")
    listed = own.select(F.col("country").alias("alias"))
    free = meant.join(listed, "alias", how="left_anti")
    return own.unionByName(free.select(F.col("alias").alias("country"), "country_id"))
