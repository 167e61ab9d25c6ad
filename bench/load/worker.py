"""The Spark application that measures loads; `bench.load` starts it and reads what it writes.

python -m jobs.launch bench/load/worker.py SCRATCH OUT GROUP/WAY ...
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from bench.load import data, gold, ways
from bench.memory import Watch
from jobs.common.session import get_session
from jobs.common.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BULK_ROWS, FILLED_ROWS = 2_000_000, 500_000
# New lines, and corrected ones that the month has.
BATCHES = {"merge": (50_000, 1_000), "window": (2_700, 100)}
WAYS_OF = {"bulk": ways.BULK, "transport": ways.TRANSPORT, **dict.fromkeys(BATCHES, ways.MERGE)}
MONTHS = ["2010-12-01", *(f"2011-{month:02d}-01" for month in range(1, 13))]


@dataclass(frozen=True)
class Group:
    """Cases that load one batch: ours into one template, the others into another."""

    batch: ways.Batch
    ours: Settings
    others: Settings
    expected: tuple[Any, ...]


def batch_of(spark: SparkSession, lines: data.Lines) -> tuple[ways.Batch, dict[str, float]]:
    """Frame and CSV files of the same lines, and what the files took to make."""
    frame = spark.read.parquet(str(lines.path))
    start = time.monotonic()
    csv = ways.write_csv(frame, lines.path.with_suffix(".csv"))
    facts = {"csv_seconds": time.monotonic() - start, "csv_mib": sum_mib(csv)}
    return ways.Batch(frame, lines.files, csv), facts | {"rows": lines.rows}


def sum_mib(paths: list[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 2**20


def totals(path: Path, before: Path | None = None) -> tuple[Any, ...]:
    """Rows and sums of a Parquet file on top of another's, by another engine."""
    under = (
        "SELECT * FROM read_parquet($before) AS b ANTI JOIN read_parquet($path) AS p"
        " USING (transaction_id) UNION ALL BY NAME "
        if before
        else ""
    )
    row = duckdb.execute(
        f"SELECT count(*), sum(quantity)::BIGINT, sum(total_amount) FROM ({under}"
        "SELECT * FROM read_parquet($path))",
        {"path": str(path)} | ({"before": str(before)} if before else {}),
    ).fetchone()
    return tuple(row or ())


def bulk(spark: SparkSession, scratch: Path, base: Settings) -> tuple[Group, dict[str, float]]:
    """Two million lines of 13 months into an empty fact; the others find the months made."""
    lines = data.write_lines(
        scratch / "bulk.parquet", BULK_ROWS, mark="", first=data.FIRST_DAY, days=data.DAYS
    )
    empty = gold.make(base, "bench_empty")
    gold.fill_dimensions(empty, data.write_dimensions(scratch))
    gold.settle(empty)
    months = gold.fresh_copy(empty, "bench_months")
    gold.make_months(months, MONTHS)
    gold.without_sums(months)
    gold.settle(months)
    batch, facts = batch_of(spark, lines)
    return Group(batch, empty, months, totals(lines.path)), facts


@dataclass(frozen=True)
class Filled:
    """A month of half a million lines: the lines, and the templates that hold them."""

    held: data.Lines
    ours: Settings
    others: Settings


def filled(spark: SparkSession, scratch: Path, base: Settings) -> Filled:
    """Load the month; the others' fact keeps no sums beside it."""
    held = data.write_lines(
        scratch / "held.parquet", FILLED_ROWS, mark="", first="2011-06-01", days=29
    )
    full = gold.make(base, "bench_filled")
    gold.fill_dimensions(full, data.write_dimensions(scratch))
    ways.ours(ways.Batch(spark.read.parquet(str(held.path)), held.files, []), full)
    gold.settle(full)
    plain = gold.fresh_copy(full, "bench_plain")
    gold.without_sums(plain)
    gold.settle(plain)
    return Filled(held, full, plain)


def onto(
    spark: SparkSession, scratch: Path, month: Filled, name: str
) -> tuple[Group, dict[str, float]]:
    """Lines of four hours onto the month, which has some of them already."""
    fresh_rows, corrected_rows = BATCHES[name]
    path = scratch / name / "batch.parquet"
    path.parent.mkdir()
    fresh = data.write_lines(path, fresh_rows, mark="9", first=data.BATCH_DAY, days=4 / 24)
    lines = data.with_corrections(fresh, month.held, corrected_rows)
    batch, facts = batch_of(spark, lines)
    return Group(batch, month.ours, month.others, totals(lines.path, month.held.path)), facts


def measure(group: Group, name: str, way: str, pgdata: Path) -> tuple[dict[str, float], Any]:
    """Load into a fresh copy; the figures, and what the fact holds then."""
    settings = gold.fresh_copy(group.ours if way == "ours" else group.others)
    call = WAYS_OF[name][way]
    with Watch(pgdata, os.getppid()) as watch:
        start = time.monotonic()
        call(group.batch, settings)
        wall = time.monotonic() - start
    state = None if name == "transport" else gold.state(settings)
    gold.drop(settings)
    return {"wall": wall, **watch.figures}, state


def check(group: Group, case: str, state: Any, seen: dict[str, Any]) -> None:
    """All loads of a group leave the same rows under the same keys, and those of the Parquet."""
    name = case.split("/", maxsplit=1)[0]
    if state is None:
        return
    if state["content"][0][:3] != group.expected or seen.setdefault(name, state) != state:
        raise RuntimeError(f"{case} left another fact than it should: {state}")


def run(scratch: Path, todo: list[str]) -> Iterator[dict[str, Any]]:
    """Facts of each group first, then a measurement for each case, in the order given."""
    base = load_settings()
    spark = get_session("bench load", base)
    pgdata = base.home / "pgdata"
    groups: dict[str, Group] = {}
    groups["bulk"], facts = bulk(spark, scratch, base)
    yield {"fact": "bulk", **facts}
    month = filled(spark, scratch, base)
    for name in BATCHES:
        groups[name], facts = onto(spark, scratch, month, name)
        yield {"fact": name, **facts}
    yield {"fact": "server", **gold.server(groups["bulk"].ours)}
    groups["transport"] = groups["bulk"]
    for way in ways.MERGE:  # untimed: Spark's compiled code and Python's workers are warm then
        measure(groups["merge"], "merge", way, pgdata)
    seen: dict[str, Any] = {}
    for case in todo:
        name, way = case.split("/")
        figures, state = measure(groups[name], name, way, pgdata)
        check(groups[name], case, state, seen)
        yield {"case": case, **figures}
    spark.stop()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
        for each in run(Path(sys.argv[1]), sys.argv[3:]):
            out.write(json.dumps(each) + "\n")
            out.flush()
