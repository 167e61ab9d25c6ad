"""A job on a home with a history: takes in one more day's list as often as asked.

    python -m jobs.launch bench/scd2/worker.py LISTS DIRECTORY

A file DIRECTORY/<number>.ask asks for the list of that number, and <number>.json answers;
a file DIRECTORY/end ends the job.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.memory import high_water_mib
from bench.scd2 import shop
from jobs.bronze import ingest_products
from jobs.common.contracts import PRODUCTS, PRODUCTS_SNAPSHOTS
from jobs.common.filesystem import local_path
from jobs.common.job import JobContext
from jobs.common.lake import summary
from jobs.common.session import get_session
from jobs.common.settings import get_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SAMPLE = 200
PAUSE, PATIENCE = 0.05, 600.0  # seconds


def take(spark: SparkSession, number: int) -> dict[str, float]:
    """Deliver the list, ingest it, check the history; figures of the ingestion."""
    settings = get_settings()
    name = f"products_{shop.day(number):%Y%m%d}.csv"
    (local_path(settings.landing) / "products" / name).write_bytes(shop.listed(number))
    before, start = _rows_read(spark), time.monotonic()
    run = ingest_products.run(JobContext(settings, spark))
    seconds = time.monotonic() - start
    read = _rows_read(spark) - before
    written = [summary(spark, table) for table in (PRODUCTS_SNAPSHOTS, PRODUCTS)]
    check(spark, number + 1)
    return {
        "wall": seconds,
        "rows_read": read,
        "rows_written": sum(int(each["added-records"]) for each in written),
        "versions_changed": run.counts["versions_changed"],
        "versions": int(written[1]["total-records"]),
        "jvm_mib": high_water_mib(os.getppid()),
        "python_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def check(spark: SparkSession, lists: int) -> None:
    """Compare some products' versions with those that a list-by-list reader tells."""
    sample = random.Random(lists).sample(range(shop.PRODUCTS), SAMPLE)
    codes = {shop.code(product): product for product in sample}
    rows = spark.table(PRODUCTS.full_name).where(f"stock_code IN {tuple(codes)}")
    found: dict[str, list[Any]] = {code: [] for code in codes}
    for row in rows.orderBy("effective_date").collect():
        found[row.stock_code].append((row.unit_price, row.effective_date, row.end_date))
    for code, product in codes.items():
        assert found[code] == shop.versions(product, lists), code


def _rows_read(spark: SparkSession) -> int:
    jvm: Any = spark._jvm
    gateway: Any = spark._sc._gateway
    none, nothing = jvm.java.util.ArrayList(), gateway.new_array(jvm.double, 0)
    stages = spark._jsc.sc().statusStore().stageList(none, False, False, nothing, none)
    return sum(int(stages.apply(n).inputRecords()) for n in range(stages.size()))


def questions(first: int, directory: Path) -> Iterator[int]:
    """Numbers, as they are asked for; none after the end, or ten minutes without a question."""
    waited = 0.0
    while waited < PATIENCE and not (directory / "end").exists():
        if (directory / f"{first}.ask").exists():
            yield first
            first, waited = first + 1, 0.0
        time.sleep(PAUSE)
        waited += PAUSE


def main(lists: str, where: str) -> None:
    """Answer until the questions end."""
    spark, directory = get_session("scd2"), Path(where)
    for number in questions(int(lists), directory):
        answer = directory / f"{number}.json"
        draft = answer.with_suffix(".tmp")
        draft.write_text(json.dumps(take(spark, number)), encoding="utf-8")
        draft.rename(answer)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
