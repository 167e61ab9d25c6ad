"""A Spark job: the months' lines into `transactions_raw`, as the bronze layer would hold them.

    python -m jobs.launch bench/growth/fill.py MONTHS UPTO COUNTRIES OUTPUT

A commit a month, as a backfill makes them, and one for each of the last windows. UPTO is the
window of the last month before which it ends, COUNTRIES their names, separated by bars; the
table's snapshot is written to OUTPUT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.growth.shop import (
    CUSTOMERS,
    INVOICE,
    LINES,
    NEWCOMERS,
    NOWHERE,
    PRODUCTS,
    WINDOW,
    Month,
    months,
)
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.lake import ensure_tables, snapshot_id
from jobs.common.session import get_session
from jobs.common.settings import get_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SINGLE_WINDOWS = 30
TASKS = 2

COLUMNS = f"""
SELECT
  concat(if(invoice % 50 = 0, 'C', ''), 10000000 + {{month}} * {LINES // INVOICE} + invoice)
    AS invoice_no,
  CAST(n % {INVOICE} + 1 AS int) AS line_no,
  concat('P', lpad(product, 4, '0')) AS stock_code,
  CAST((1 + (nth * 5 + product) % 12) * if((nth + product) % 50 = 3, 20, 1)
    * if(invoice % 50 = 0, -1, 1) AS int) AS quantity,
  timestamp_seconds({{start}} + second) AS invoice_date,
  if(invoice % 5 = 0, NULL,
    concat('C', {{month}} * {NEWCOMERS} + invoice * 37 % {CUSTOMERS})) AS customer_id,
  if(n % 500 = 7, '{NOWHERE}', element_at(names, CAST(invoice % size(names) AS int) + 1))
    AS country,
  CAST(NULL AS string) AS problem,
  CAST(NULL AS string) AS raw_fields,
  CAST(NULL AS binary) AS raw_bytes,
  window_start,
  source_file,
  CAST(n + 2 AS int) AS source_line,
  sha2(source_file, 256) AS file_sha256,
  CAST(1 AS bigint) AS batch_id
FROM (
  SELECT
    *,
    timestamp_seconds({{start}} + second div {WINDOW} * {WINDOW}) AS window_start,
    date_format(timestamp_seconds({{start}} + second div {WINDOW} * {WINDOW}),
      "'transactions_'yyyyMMdd'T'HHmm'.csv'") AS source_file
  FROM (
    SELECT
      id AS n,
      id div {INVOICE} AS invoice,
      id * 1471 % {PRODUCTS} AS product,
      id div {PRODUCTS} AS nth,
      id div {INVOICE} * {INVOICE} * {{seconds}} div {LINES} AS second,
      split('{{names}}', '[|]') AS names
    FROM lines
  )
)
"""


def rows(spark: SparkSession, month: Month, first: int, past: int, names: str) -> DataFrame:
    """Lines `first` to `past` of a month."""
    spark.range(first, past, 1, TASKS).createOrReplaceTempView("lines")
    values = {"month": month.number, "seconds": month.seconds, "names": names}
    return spark.sql(COLUMNS.format(start=int(month.start.timestamp()), **values))


def main(count: int, upto: int, names: str, output: Path) -> None:
    """Fill the table."""
    settings = get_settings()
    spark = get_session("fill", settings)
    ensure_tables(spark, settings)
    *whole, last = months(count)
    single = range(upto - SINGLE_WINDOWS, upto)
    parts = [(month, 0, LINES) for month in whole]
    parts += [(last, 0, last.lines_before(single[0]))]
    parts += [(last, last.lines_before(n), last.lines_before(n + 1)) for n in single]
    for month, first, past in parts:
        frame = rows(spark, month, first, past, names)
        frame = frame.coalesce(1) if past - first < LINES // 100 else frame
        frame.writeTo(TRANSACTIONS_RAW.full_name).append()
    output.write_text(str(snapshot_id(spark, TRANSACTIONS_RAW)), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
