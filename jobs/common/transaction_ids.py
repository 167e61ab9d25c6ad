"""What a line is known by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column


def transaction_id() -> Column:
    """`<invoice_no>-<line_no>` of a row of `transactions_raw`; null when it lacks either."""
    return F.concat("invoice_no", F.lit("-"), F.col("line_no").cast("string"))
