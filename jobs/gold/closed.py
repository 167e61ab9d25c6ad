"""A load beside months that left gold: what it leaves alone, and which lines come too late.

Lines of these months are settled. A line of theirs that a later file brings is in error under
`archived_month`, and so is one that says an archived line anew, of whatever day it is; both are
loaded once the month is back in gold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql
from pyspark.sql import functions as F

from jobs.common.db import transaction
from jobs.common.frames import frame_of
from jobs.common.transaction_ids import transaction_id
from jobs.gold.staging import LINES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.archived import Archive
    from jobs.common.runlog import Run

PLACE = ["file_sha256", "source_line"]

_ERRORS = """
SELECT f.file_sha256, e.source_line
FROM transactions_error AS e
INNER JOIN ops.loaded_files AS f ON e.file_key = f.file_key
WHERE e.status <> 'REPLAYED'
"""

# Usually none: numbers rise, and those of months that are gold's are past those of older ones.
_MAY_BE_ARCHIVED = """
SELECT DISTINCT l.transaction_id
FROM staging.{} AS l
INNER JOIN ops.archived_ids AS a
    ON
        length(l.transaction_id) = a.length
        AND left(l.transaction_id, greatest(length(l.transaction_id) - 6, 1)) = a.beginning
        AND l.transaction_id BETWEEN a.low AND a.high
WHERE
    a.month < %(past)s
    AND (l.date_sk IS NULL OR l.date_sk >= to_char(%(past)s, 'YYYYMMDD')::integer)
"""


def still_open(spark: SparkSession, run: Run, loaded: DataFrame, archive: Archive) -> DataFrame:
    """The rows of bronze that a load may look at again: those of gold's months, and errors, also
    what a person discarded: it decides what else counts.

    Args:
        loaded: rows of `transactions_raw` that gold has taken.
    """
    with transaction(run.conn) as cur:
        cur.execute(_ERRORS)
        errors = frame_of(spark, cur.fetchall(), "file_sha256 string, source_line int")
    day = F.to_date(F.coalesce("invoice_date", "window_start"))
    older = loaded.where(day < F.lit(archive.past))
    return loaded.where(day >= F.lit(archive.past)).unionByName(
        older.join(F.broadcast(errors), PLACE, how="left_semi").select(loaded.columns)
    )


def with_closed(lines: DataFrame, archive: Archive, ids: list[str]) -> DataFrame:
    """Lines with `is_closed`: of an archived month by their `day`, or of these transactions."""
    if not archive:
        return lines.withColumn("is_closed", F.lit(False))
    of_day = F.coalesce(F.col("day") < F.lit(archive.past), F.lit(False))
    if not ids:
        return lines.withColumn("is_closed", of_day)
    closed = frame_of(lines.sparkSession, [(each,) for each in ids], "closed_id string")
    joined = lines.join(F.broadcast(closed), transaction_id() == F.col("closed_id"), how="left")
    is_closed = of_day | F.col("closed_id").isNotNull()
    return joined.withColumn("is_closed", is_closed).drop("closed_id")


def archived_among(spark: SparkSession, run: Run, archive: Archive) -> list[tuple[str, int]]:
    """Of the staged lines of gold's months, ids that an archived line has, and the run that
    archived it.
    """
    with transaction(run.conn) as cur:
        text = sql.SQL(_MAY_BE_ARCHIVED).format(sql.Identifier(LINES.name(run)))
        cur.execute(text, {"past": archive.past})
        ids = cur.fetchall()
    if not ids:
        return []
    wanted = F.broadcast(frame_of(spark, ids, "transaction_id string"))
    found = archive.ids(spark).join(wanted, "transaction_id", how="left_semi").collect()
    return [(row[0], row[1]) for row in found]
