"""Which loaded lines a change of prices or countries touches, asked of gold before the load."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from psycopg2 import sql
from pyspark.sql import functions as F

from jobs.gold.staging import COUNTRIES, PRODUCTS

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import DataFrame, SparkSession

    from jobs.common.runlog import Run

FAR = date(9999, 12, 31)

# A day's price is another when a version came or went, or its price did; when only its end
# moved, the days between the two ends.
_TOUCHED = """
WITH pairs AS (
    SELECT
        coalesce(o.stock_code, n.stock_code) AS stock_code,
        coalesce(o.effective_date, n.effective_date) AS effective_date,
        o.product_sk IS NULL OR n.product_sk IS NULL OR o.unit_price <> n.unit_price AS whole,
        coalesce(o.end_date, %(far)s) AS old_end,
        coalesce(n.end_date, %(far)s) AS new_end
    FROM dim_products AS o
    FULL JOIN staging.{} AS n ON o.product_sk = n.product_sk
    WHERE (o.unit_price, o.end_date) IS DISTINCT FROM (n.unit_price, n.end_date)
    OR o.product_sk IS NULL OR n.product_sk IS NULL
)
SELECT
    stock_code,
    min(CASE WHEN whole THEN effective_date ELSE least(old_end, new_end) END),
    max(greatest(old_end, new_end))
FROM pairs
GROUP BY stock_code
"""

_RENAMED = """
SELECT coalesce(o.country, n.country)
FROM dim_countries AS o
FULL JOIN staging.{} AS n ON o.country = n.country
WHERE o.country_id IS DISTINCT FROM n.country_id
"""


@dataclass
class Touched:
    """What changed in the reference data: days of products, and names of countries."""

    products: list[tuple[str, date, date]] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.products or self.countries)


def touched(cur: Cursor, run: Run, *, products: bool, countries: bool) -> Touched:
    """Compare what was staged with the dimensions as they are.

    Returns:
        A range [from, to) of days a product whose price changed; the country names that now
        mean another country, or one at all.
    """
    found = Touched()
    if products:
        cur.execute(sql.SQL(_TOUCHED).format(sql.Identifier(PRODUCTS.name(run))), {"far": FAR})
        found.products = cur.fetchall()
    if countries:
        cur.execute(sql.SQL(_RENAMED).format(sql.Identifier(COUNTRIES.name(run))))
        found.countries = [row[0] for row in cur.fetchall()]
    return found


def lines_of(spark: SparkSession, loaded: DataFrame, change: Touched) -> DataFrame:
    """Of the loaded lines, those that the change touches; one row a line.

    Args:
        loaded: rows of `transactions_raw` that gold has taken.
    """
    usable = loaded.where("problem IS NULL")
    parts = []
    if change.products:
        ranges = spark.createDataFrame(change.products, "code string, first date, past date")
        earliest = min(first for _, first, _ in change.products)
        recent = usable.where(F.col("invoice_date") >= F.lit(earliest).cast("timestamp"))
        day = F.to_date("invoice_date")
        covered = (
            (F.col("stock_code") == F.col("code")) & (day >= F.col("first")) & (day < F.col("past"))
        )
        parts.append(recent.join(F.broadcast(ranges), covered, how="left_semi"))
    if change.countries:
        names = spark.createDataFrame([(name,) for name in change.countries], "name string")
        parts.append(
            usable.join(F.broadcast(names), F.col("country") == F.col("name"), how="left_semi")
        )
    if len(parts) == 1:
        return parts[0]
    return parts[0].unionByName(parts[1]).dropDuplicates(["file_sha256", "source_line"])
