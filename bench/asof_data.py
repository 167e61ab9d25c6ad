"""Lines and price versions of the as-of part: Parquet files, the same for everyone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PRODUCTS, DAYS = 4_000, 365
UNLISTED = 20  # stock codes that lines have and no price list has
FIRST = np.datetime64(date(2024, 1, 1), "D").astype(int)
VERSIONS = {"48K": 12, "1.46M": DAYS}  # versions a product
LINES = {"1M": (1_000_000, False), "10M": (10_000_000, False), "10M hot": (10_000_000, True)}

Numbers = np.ndarray[Any, np.dtype[Any]]


def prices_file(directory: Path, prices: str) -> Path:
    """Where the price versions of a size are."""
    return directory / f"prices {prices}.parquet"


def lines_file(directory: Path, lines: str) -> Path:
    """Where the lines of a size and spread are."""
    return directory / f"lines {lines}.parquet"


def make(directory: Path) -> None:
    """Write all files."""
    chance = np.random.default_rng(22)
    for prices, each in VERSIONS.items():
        pq.write_table(_versions(chance, each), prices_file(directory, prices))
    for lines, (count, hot) in LINES.items():
        table = _lines(chance, count, hot=hot)
        pq.write_table(table, lines_file(directory, lines), row_group_size=1_000_000)


def row_widths(directory: Path) -> dict[str, int]:
    """Bytes a row in memory, by file."""
    widths = {}
    for name, file in (
        ("a line", lines_file(directory, "1M")),
        ("a version", prices_file(directory, "48K")),
    ):
        table = pq.read_table(file)
        widths[name] = round(table.nbytes / table.num_rows)
    return widths


def _codes(numbers: Numbers) -> pa.Array:
    all_codes = [
        f"{10_000 + 7 * n}{'ABCD'[n // 4 % 4] if n % 4 == 0 else ''}" for n in range(5_000)
    ]
    return pa.array(all_codes).take(pa.array(numbers))


def _dates(days: Numbers, mask: Numbers | None = None) -> pa.Array:
    return pa.array((days + FIRST).astype("int32"), mask=mask).cast(pa.date32())


def _prices(chance: np.random.Generator, count: int) -> pa.Array:
    whole = pa.array(chance.integers(1, 1_000_000, count)).cast(pa.decimal128(19, 0))
    scaled = pc.multiply(whole, pa.scalar(Decimal("0.0001"), pa.decimal128(5, 4)))
    return scaled.cast(pa.decimal128(12, 4))


def _versions(chance: np.random.Generator, each: int) -> pa.Table:
    """So many versions a product, from random days on; one in fifty ends a day early, if it can."""
    starts = np.sort(chance.permuted(np.tile(np.arange(DAYS), (PRODUCTS, 1)), axis=1)[:, :each])
    ends = np.concatenate([starts[:, 1:], np.full((PRODUCTS, 1), DAYS)], axis=1)
    early = (chance.random(starts.shape) < 1 / 50) & (ends > starts + 1)
    current = (ends == DAYS) & ~early
    count = starts.size
    return pa.table(
        {
            "product_sk": pa.array(chance.integers(0, 2**60, count)),
            "stock_code": _codes(np.repeat(np.arange(PRODUCTS), each)),
            "unit_price": _prices(chance, count),
            "effective_date": _dates(starts.ravel()),
            "end_date": _dates((ends - early).ravel(), mask=current.ravel()),
        }
    )


def _lines(chance: np.random.Generator, count: int, *, hot: bool) -> pa.Table:
    product = chance.integers(0, PRODUCTS + UNLISTED, count)
    if hot:
        product[chance.random(count) < 1 / 3] = 17
    return pa.table(
        {
            "line": pa.array(np.arange(count)),
            "stock_code": _codes(product),
            "day": _dates(chance.integers(0, DAYS, count)),
            "quantity": pa.array(chance.integers(1, 50, count).astype("int32")),
        }
    )
