"""Bronze lines → lines of the fact, and lines in error with all the rules they broke.

One pass; the list of rules is closed. Pure frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.common.transaction_ids import transaction_id
from jobs.gold.keys import customer_sk, date_sk, key_of_hash
from jobs.gold.money import total

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ARCHIVED = "archived_month"
MALFORMED = "malformed_row"
NO_PRICE = "no_price_in_effect"
UNKNOWN_COUNTRY = "unknown_country"
RULES = (ARCHIVED, MALFORMED, NO_PRICE, UNKNOWN_COUNTRY)

_FIELDS = (
    "invoice_no",
    "line_no",
    "stock_code",
    "quantity",
    "invoice_date",
    "customer_id",
    "country",
)


def transform(lines: DataFrame, countries: DataFrame) -> DataFrame:
    """Split the stream of lines.

    Args:
        lines: rows of `transactions_raw` with `day`, `is_new`, `is_closed` (of a month that left
            gold), and the `product_sk` and `unit_price` of their day; see `pricing.priced`.
        countries: the standing countries.

    Returns:
        One row a line, the columns of the staging table, money in ten-thousandths, keys that are
        hashes as their eight bytes; `rules` is null for a good line and a Postgres array literal
        for one in error, whose `raw` holds its fields.
    """
    names = F.broadcast(
        countries.select("country", F.col("country_id").cast("bigint").alias("country_sk"))
    )
    named = lines.join(names, "country", how="left")
    amounts = named.withColumn("total_amount", total(F.col("quantity"), F.col("unit_price")))
    broken = _broken_rules()
    bad = F.coalesce(*broken).isNotNull()
    return amounts.select(
        transaction_id().alias("transaction_id"),
        "product_sk",
        customer_sk(F.col("customer_id")).alias("customer_sk"),
        "country_sk",
        date_sk(F.col("day")).alias("date_sk"),
        "invoice_no",
        "invoice_date",
        "quantity",
        "unit_price",
        "total_amount",
        key_of_hash(F.col("file_sha256")).alias("file_key"),
        "source_line",
        "is_new",
        "customer_id",
        F.when(bad, F.concat(F.lit("{"), F.concat_ws(",", *broken), F.lit("}"))).alias("rules"),
        F.when(bad, F.coalesce("raw_fields", _canonical())).alias("raw"),
    )


def _broken_rules() -> list[Column]:
    """The rules that a row broke, sorted; null in place of each other rule."""
    usable = F.col("problem").isNull()
    priced = F.col("product_sk").isNotNull()
    named = F.col("country_sk").isNotNull()
    fits = F.col("total_amount").isNotNull()
    found = {
        # a line that is good otherwise: gold could hold it, if the month were there
        ARCHIVED: usable & priced & fits & named & F.col("is_closed"),
        # a total that numeric(18,4) cannot hold is no line of this shop
        MALFORMED: ~usable | (priced & ~fits),
        NO_PRICE: usable & ~priced,
        UNKNOWN_COUNTRY: usable & ~named,
    }
    # No array of them: what makes one does so without generated code.
    return [F.when(found[rule], F.lit(rule)) for rule in RULES]


def _canonical() -> Column:
    """A readable line's fields as JSON text, values as strings."""
    when = F.date_format("invoice_date", "yyyy-MM-dd HH:mm:ss")
    values = [when if name == "invoice_date" else F.col(name).cast("string") for name in _FIELDS]
    fields = F.struct(*(v.alias(n) for n, v in zip(_FIELDS, values, strict=True)))
    return F.to_json(fields, {"ignoreNullFields": "false"})
