"""Corrections by hand that a load follows: names that the shop writes for countries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

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


def unfollowed(cur: Cursor) -> list[str]:
    """Names that were corrected, or whose correction was undone, since lines were last loaded."""
    cur.execute(
        "SELECT DISTINCT subject FROM ops.corrections WHERE kind = 'country' AND NOT followed"
    )
    return [row[0] for row in cur.fetchall()]


def follow(cur: Cursor, names: list[str]) -> None:
    """Note that gold's lines of these names are as the corrections have it."""
    cur.execute(
        "UPDATE ops.corrections SET followed = true"
        " WHERE kind = 'country' AND NOT followed AND subject = ANY(%s)",
        (names,),
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
    rows = countries.sparkSession.createDataFrame(list(names.items()), "alias string, id int")
    meant = F.broadcast(rows).join(own, F.col("id") == F.col("country_id"), how="inner")
    listed = own.select(F.col("country").alias("alias"))
    free = meant.join(listed, "alias", how="left_anti")
    return own.unionByName(free.select(F.col("alias").alias("country"), "country_id"))
