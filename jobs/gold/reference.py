"""Which loaded lines a change of prices or countries touches, asked of gold before the load."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from psycopg2 import sql
from pyspark.sql import functions as F

from jobs.common.frames import frame_of
from jobs.gold.staging import COUNTRIES, PRODUCTS

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from pyspark.sql import Column, DataFrame, SparkSession

    from jobs.common.runlog import Run
    from jobs.gold.staged import Staged

FAR = date(9999, 12, 31)

# More ranges of days, or products, than this are one range, or any product: a scan of bronze
# passes over files by them, and is planned by each.
MAX_RANGES = 20
MAX_CODES = 200

# A day's price is another when a version came or went, or its price did; when only its end
# moved, the days between the two ends.
_TOUCHED = """
WITH pairs AS (
    SELECT
        n.stock_code,
        CASE
            WHEN o.product_sk IS NULL OR o.unit_price <> n.unit_price THEN n.effective_date
            ELSE least(coalesce(o.end_date, %(far)s), coalesce(n.end_date, %(far)s))
        END AS first,
        greatest(
            coalesce(n.end_date, %(far)s),
            CASE WHEN o.product_sk IS NOT NULL THEN coalesce(o.end_date, %(far)s) END
        ) AS past
    FROM staging.{staged} AS n
    LEFT JOIN dim_products AS o ON n.product_sk = o.product_sk
    WHERE o.product_sk IS NULL
    OR (o.unit_price, o.end_date) IS DISTINCT FROM (n.unit_price, n.end_date)
    UNION ALL
    SELECT o.stock_code, o.effective_date, coalesce(o.end_date, %(far)s)
    FROM dim_products AS o
    WHERE o.effective_date >= %(since)s
    AND NOT EXISTS (SELECT FROM staging.{staged} AS n WHERE n.product_sk = o.product_sk)
)
SELECT stock_code, min(first), max(past)
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


def versions_since(versions: DataFrame, since: date | None) -> DataFrame:
    """The product versions that start or end on a day or later; None: all."""
    if since is None:
        return versions
    return versions.where((F.col("effective_date") >= since) | (F.col("end_date") >= since))


def touched(cur: Cursor, run: Run, staged: Staged) -> Touched:
    """Compare what was staged with the dimensions as they are.

    Returns:
        A range [from, to) of days a product whose price changed; the country names that now
        mean another country, or one at all, by the list or by a person's word.
    """
    found = Touched()
    if staged.products:
        text = sql.SQL(_TOUCHED).format(staged=sql.Identifier(PRODUCTS.name(run)))
        cur.execute(text, {"far": FAR, "since": staged.since or date.min})
        found.products = cur.fetchall()
    if staged.countries:
        cur.execute(sql.SQL(_RENAMED).format(sql.Identifier(COUNTRIES.name(run))))
        found.countries = [row[0] for row in cur.fetchall()]
    names = {each.subject for each in staged.corrected if each.kind == "country"}
    found.countries = sorted({*found.countries, *names})
    return found


def merged(ranges: list[tuple[date, date]]) -> list[tuple[date, date]]:
    """The same days in as few ranges [from, to) as they take; past a number of them, in one."""
    found: list[tuple[date, date]] = []
    for first, past in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(past, found[-1][1]))
        else:
            found.append((first, past))
    return found if len(found) <= MAX_RANGES else [(found[0][0], found[-1][1])]


def _may_be_of(products: list[tuple[str, date, date]]) -> Column:
    """What a scan can be held to: the months, and the products when they are few."""
    when, code = F.col("invoice_date"), F.col("stock_code")
    ranges = merged([(first, past) for _, first, past in products])
    days = [
        (when >= F.lit(first).cast("timestamp")) & (when < F.lit(past).cast("timestamp"))
        for first, past in ranges
    ]
    near = reduce(or_, days)
    return near & code.isin([p[0] for p in products]) if len(products) <= MAX_CODES else near


def lines_of(spark: SparkSession, loaded: DataFrame, change: Touched) -> DataFrame:
    """Of the loaded lines, those that the change touches; one row a line.

    Args:
        loaded: rows of `transactions_raw` that gold has taken.
    """
    usable = loaded.where("problem IS NULL")
    parts = []
    if change.products:
        ranges = frame_of(spark, change.products, "code string, first date, past date")
        near = usable.where(_may_be_of(change.products))
        day = F.to_date("invoice_date")
        covered = (
            (F.col("stock_code") == F.col("code")) & (day >= F.col("first")) & (day < F.col("past"))
        )
        parts.append(near.join(F.broadcast(ranges), covered, how="left_semi"))
    if change.countries:
        names = frame_of(spark, [(name,) for name in change.countries], "name string")
        parts.append(
            usable.join(F.broadcast(names), F.col("country") == F.col("name"), how="left_semi")
        )
    if len(parts) == 1:
        return parts[0]
    return parts[0].unionByName(parts[1]).dropDuplicates(["file_sha256", "source_line"])
