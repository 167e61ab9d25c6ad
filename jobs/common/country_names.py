"""The names that the shop writes for countries, as people said what they mean."""

from __future__ import annotations

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


def with_aliases(countries: DataFrame, names: Aliases) -> DataFrame:
    """The countries, and once more under the names that mean them.

    A name that the list itself has is the list's.

    Args:
        countries: the standing countries.

    Returns:
        One row a name: `country`, the `country_id` that it means, and that one's own name, `meant`.
    """
    own = countries.select("country", "country_id", F.col("country").alias("meant"))
    if not names:
        return own
    rows = frame_of(countries.sparkSession, names.items(), "alias string, id int")
    known = F.broadcast(rows).join(own, F.col("id") == F.col("country_id"), how="inner")
    listed = own.select(F.col("country").alias("alias"))
    free = known.join(listed, "alias", how="left_anti")
    return own.unionByName(free.select(F.col("alias").alias("country"), "country_id", "meant"))
