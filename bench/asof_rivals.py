"""The as-of join by DuckDB and by Polars; each has two threads, as Spark has."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from bench.asof_data import lines_file, prices_file
from bench.asof_spark import Answer

ASOF = """
SELECT
    count(*),
    sum(quantity * unit_price),
    count(*) FILTER (WHERE unit_price IS NULL)
FROM (
    SELECT
        l.quantity,
        CASE WHEN v.end_date IS NULL OR l.day < v.end_date THEN v.unit_price END AS unit_price
    FROM read_parquet(?) AS l
    ASOF LEFT JOIN read_parquet(?) AS v
    ON l.stock_code = v.stock_code AND l.day >= v.effective_date
)
"""


class DuckDb:
    """`ASOF JOIN`, straight from the files."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 2})

    def answer(self, directory: Path, _: str, lines: str, prices: str) -> Answer:
        """Rows, sum of amounts, rows without a price."""
        files = [str(lines_file(directory, lines)), str(prices_file(directory, prices))]
        row = self._connection.execute(ASOF, files).fetchone()
        assert row is not None
        return int(row[0]), str(row[1]), int(row[2])


class Polars:
    """`join_asof`, lazily from the files; both sides have to be sorted by day."""

    def answer(self, directory: Path, _: str, lines: str, prices: str) -> Answer:
        """Rows, sum of amounts, rows without a price."""
        left = pl.scan_parquet(lines_file(directory, lines)).sort("day")
        right = pl.scan_parquet(prices_file(directory, prices)).sort("effective_date")
        joined = left.join_asof(
            right,
            left_on="day",
            right_on="effective_date",
            by="stock_code",
            check_sortedness=False,
        )
        ends = pl.col("end_date")
        price = pl.when(ends.is_null() | (pl.col("day") < ends)).then(pl.col("unit_price"))
        found = joined.select(
            pl.len(),
            (pl.col("quantity") * price).sum().alias("sum"),
            price.is_null().sum().alias("no"),
        ).collect()
        rows, total, without = found.row(0)
        return int(rows), str(total), int(without)
