"""Money in whole ten-thousandths, as 64-bit integers.

Spark multiplies decimals as `BigDecimal`, at several times the cost. A decimal(12,4) or (18,4)
is one such integer exactly; only where rows leave for Postgres do they become numerics again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

UNITS = 10_000
MOST = 10**18 - 1  # what a numeric(18,4) holds


def in_units(price: Column) -> Column:
    """A decimal(12,4) as bigint: its 12 digits are exact in a double, which has 15."""
    return F.rint(price.cast("double") * UNITS).cast("bigint")


def total(quantity: Column, price: Column) -> Column:
    """quantity x price, in ten-thousandths as the price is; null when (18,4) cannot hold it."""
    product = F.try_multiply(quantity.cast("bigint"), price)
    return F.when(product.between(-MOST, MOST), product)
