"""Which lines a forced load looks at again: those of some days, whatever gold holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.common.dates import Dates

TRANSACTION = ["invoice_no", "line_no"]


def lines_of_days(loaded: DataFrame, days: Dates) -> DataFrame:
    """The lines of these days; a line without a readable date is of its file's day.

    Args:
        loaded: rows of `transactions_raw` that gold has taken.
    """
    day = F.to_date(F.coalesce("invoice_date", "window_start"))
    if days.first:
        loaded = loaded.where(day >= F.lit(days.first))
    if days.last:
        loaded = loaded.where(day <= F.lit(days.last))
    return loaded


def whole_transactions(loaded: DataFrame, again: DataFrame, new: DataFrame) -> DataFrame:
    """The lines to look at again, with all that bronze has of theirs and the new lines' ids.

    Which of several rows with one id counts can then be decided without asking gold, whose own
    row may be the one that is damaged.
    """
    ids = again.select(TRANSACTION).unionByName(new.select(TRANSACTION)).distinct()
    kin = loaded.join(ids, TRANSACTION, how="left_semi")
    return again.unionByName(kin).dropDuplicates(["file_sha256", "source_line"])
