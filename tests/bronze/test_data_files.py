"""Files that Arrow writes into a table of the lake are as those that Spark would have written."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from jobs.bronze import data_files, reading
from jobs.bronze.layouts import TRANSACTIONS
from jobs.bronze.reading import Reading, as_they_are
from jobs.common import filesystem
from jobs.common.contracts import COUNTRIES_SNAPSHOTS, PRODUCTS_SNAPSHOTS, TRANSACTIONS_RAW, Table
from jobs.common.lake import create_table, ensure_tables, iceberg_table, summary
from jobs.common.landing import Landing
from tests.support.rows import csv_text, line
from tests.support.warehouse import Warehouse

TABLES = (TRANSACTIONS_RAW, PRODUCTS_SNAPSHOTS, COUNTRIES_SNAPSHOTS)
ROWS = 500
TEXTS = ("", " ", "NULL", "\\N", 'a "quoted", one', "Čaj č. 5", "😀", "a\nb", "x" * 300)
TOLD = ("record_count", "null_value_counts", "lower_bounds", "upper_bounds")


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    made = new_warehouse()
    ensure_tables(made.spark, made.settings)
    return made


@pytest.fixture
def made(shop: Warehouse) -> Iterator[Callable[[Table, str], Table]]:
    """Makes tables of a contract by other names."""
    names = []

    def make(table: Table, name: str) -> Table:
        other = replace(table, name=f"{table.name}_{name}")
        names.append(other.full_name)
        shop.spark.sql(create_table(other).rstrip(";\n"))
        return other

    yield make
    for name in names:
        shop.spark.sql(f"DROP TABLE {name} PURGE")


def value(kind: str, rng: random.Random) -> Any:
    """One of a type, at its edges now and then, or none."""
    if rng.random() < 0.1:
        return None
    day = date(1969, 11, 1) + timedelta(days=rng.choice([rng.randrange(120), 20_000]))
    match kind:
        case "string":
            return rng.choice([*TEXTS, str(rng.randrange(1000))])
        case "binary":
            return rng.choice([b"", b"\xff\x00", rng.randbytes(20)])
        case "int":
            return rng.choice([-(2**31), 2**31 - 1, rng.randrange(100)])
        case "bigint":
            return rng.choice([-(2**63), 2**63 - 1, rng.randrange(100)])
        case "date":
            return day
        case "timestamp":
            time = timedelta(microseconds=rng.choice([0, 86_400_000_000 - 1]))
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + time
    assert kind == "decimal(12,4)"
    return Decimal(rng.choice([0, 1, -1, 10**12 - 1, 1 - 10**12])).scaleb(-4)


def rows_of(table: Table, seed: int = 1) -> pa.Table:
    """Any rows."""
    rng = random.Random(seed)
    columns = [[value(column.type, rng) for _ in range(ROWS)] for column in table.columns]
    struct: Any = StructType.fromDDL(table.schema)
    schema = to_arrow_schema(struct)
    arrays = [pa.array(given, f.type) for given, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def append(shop: Warehouse, table: Table, rows: pa.Table) -> None:
    target = data_files.target_of(shop.spark, table)
    assert target is not None
    data_files.commit(shop.spark, table, data_files.write_by_driver(shop.spark, rows, target))


def files_below(shop: Warehouse, table: Table) -> list[Path]:
    place = filesystem.local_path(str(iceberg_table(shop.spark, table).location()))
    return sorted(place.rglob("*.parquet"))


def append_by_spark(shop: Warehouse, table: Table, rows: pa.Table) -> None:
    shop.spark.createDataFrame(rows).coalesce(1).writeTo(table.full_name).append()


def told(shop: Warehouse, table: Table) -> list[str]:
    """What the manifests say of each data file."""
    where = ["partition"] if table.partitioned_by else []
    files = shop.spark.table(f"{table.full_name}.files").select(*where, *TOLD)
    return sorted(map(str, files.collect()))


@pytest.fixture(params=["a path", "any file system"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lake on this machine, or the same as if Hadoop alone could reach it."""
    if request.param != "a path":
        for module in (filesystem, data_files, reading):
            monkeypatch.setattr(module, "is_local", lambda _: False)
    return str(request.param)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_and_manifests_are_those_of_spark(
    shop: Warehouse, made: Callable[[Table, str], Table], table: Table
) -> None:
    ours, spark = made(table, "ours"), made(table, "spark")
    for seed in (1, 2):
        append(shop, ours, rows_of(table, seed))
        append_by_spark(shop, spark, rows_of(table, seed))
    assert shop.bronze(ours) == shop.bronze(spark)
    assert told(shop, ours) == told(shop, spark)
    assert {tuple(map(summary(shop.spark, each).get, COUNTS)) for each in (ours, spark)} == {
        (str(ROWS), str(2 * ROWS))
    }
    if table.partitioned_by:
        month = table.partitioned_by[0].removeprefix("months(").removesuffix(")")
        one = f"{month} >= DATE '1970-01-01' AND {month} < DATE '1970-02-01'"
        both = [shop.spark.table(each.full_name).where(one).count() for each in (ours, spark)]
        assert both[0] == both[1] > 0


COUNTS = ("added-records", "total-records")


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_rows_are_a_commit_of_none(
    shop: Warehouse, made: Callable[[Table, str], Table], table: Table
) -> None:
    mine = made(table, "empty")
    append(shop, mine, rows_of(table))
    before = files_below(shop, mine)
    append(shop, mine, rows_of(table).slice(0, 0))
    assert summary(shop.spark, mine).get("added-records") is None
    assert summary(shop.spark, mine)["total-records"] == str(ROWS)
    assert files_below(shop, mine) == before


def test_texts_too_long_for_bounds_hide_no_rows(
    shop: Warehouse, made: Callable[[Table, str], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "FILE_ROWS", 200)
    table = made(TRANSACTIONS_RAW, "long")
    rows = rows_of(TRANSACTIONS_RAW)
    texts = ["y" * 5000 if n == 7 else "x" for n in range(ROWS)]
    place = rows.column_names.index("raw_fields")
    rows = rows.set_column(place, rows.field(place), pa.array(texts))
    append(shop, table, rows)
    held = shop.spark.table(table.full_name)
    assert held.where("raw_fields > 'xx'").count() == 1
    assert held.where("raw_fields = 'x'").count() == ROWS - 1
    sizes = shop.spark.table(f"{table.full_name}.files").select("record_count").collect()
    assert sum(row[0] for row in sizes) == ROWS
    assert max(row[0] for row in sizes) <= 200


def test_files_keep_the_partitions_that_they_were_written_for(
    shop: Warehouse, made: Callable[[Table, str], Table]
) -> None:
    table, rows = made(TRANSACTIONS_RAW, "changed"), rows_of(TRANSACTIONS_RAW)
    target = data_files.target_of(shop.spark, table)
    assert target is not None
    written = data_files.write_by_driver(shop.spark, rows, target)
    by_day(shop, table)
    data_files.commit(shop.spark, table, written)
    times = [time for time in rows["invoice_date"].to_pylist() if time and time.year == 1970]
    found = shop.spark.table(table.full_name).where("year(invoice_date) = 1970")
    since = (
        f"invoice_date >= '{min(times):%Y-%m-%d}' AND invoice_date <= '{max(times):%Y-%m-%d %T.%f}'"
    )
    assert found.where(since).count() == len(times)


def test_what_no_attempt_reported_goes_and_the_rest_stays(
    shop: Warehouse, made: Callable[[Table, str], Table]
) -> None:
    table = made(TRANSACTIONS_RAW, "tried")
    target = data_files.target_of(shop.spark, table)
    assert target is not None
    data_files.write(rows_of(TRANSACTIONS_RAW), target)  # of an attempt that died
    files = data_files.write(rows_of(TRANSACTIONS_RAW), target)
    data_files.discard(target, files)
    assert files_below(shop, table) == sorted(filesystem.local_path(f.uri) for f in files)


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["by tasks", "by the driver"])
@pytest.mark.usefixtures("kind")
def test_files_are_appended_wherever_they_are_parsed(
    shop: Warehouse,
    made: Callable[[Table, str], Table],
    monkeypatch: pytest.MonkeyPatch,
    small: int,
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    monkeypatch.setattr(reading, "SHARE_BYTES", 1)  # a task has one file, maybe without a record
    assert appended(shop, made(TRANSACTIONS_RAW, "parsed")) == LINES


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["by tasks", "by the driver"])
def test_a_table_that_someone_partitioned_otherwise_is_written_by_spark(
    shop: Warehouse,
    made: Callable[[Table, str], Table],
    monkeypatch: pytest.MonkeyPatch,
    small: int,
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    table = made(TRANSACTIONS_RAW, "by_day")
    by_day(shop, table)
    assert data_files.target_of(shop.spark, table) is None
    assert appended(shop, table) == LINES
    days = shop.spark.table(f"{table.full_name}.partitions").select("partition.invoice_date_day")
    assert {row[0] for row in days.collect()} == {DAY.date()}


def by_day(shop: Warehouse, table: Table) -> None:
    shop.spark.sql(
        f"ALTER TABLE {table.full_name} REPLACE PARTITION FIELD invoice_date_month"
        " WITH days(invoice_date)"
    )


def test_a_table_without_one_of_the_columns_is_left_to_spark(
    shop: Warehouse, made: Callable[[Table, str], Table]
) -> None:
    table = made(TRANSACTIONS_RAW, "other")
    shop.spark.sql(f"ALTER TABLE {table.full_name} RENAME COLUMN country TO land")
    assert data_files.target_of(shop.spark, table) is None


DAY = datetime(2025, 3, 3, tzinfo=UTC)
NAMES = [f"transactions_{DAY + timedelta(hours=4 * n):%Y%m%dT%H%M}.csv" for n in range(4)]
LINES = [(name, f"{n}-{m}") for n, name in enumerate(NAMES[1:]) for m in range(2)]


def appended(shop: Warehouse, table: Table) -> list[tuple[Any, ...]]:
    """Files and invoices of a table after one without a record and three others were appended."""
    shop.deliver("transactions", NAMES[0], csv_text("transactions", []))
    for n, name in enumerate(NAMES[1:]):
        lines = [line(f"{n}-{m}", invoice_date=f"{DAY:%Y-%m-%d} 10:00:00") for m in range(2)]
        shop.deliver("transactions", name, csv_text("transactions", lines))
    files, _ = Landing(shop.spark, shop.settings.landing, "transactions").waiting()
    Reading(shop.spark, files, TRANSACTIONS, 7).append(as_they_are, table)
    return shop.bronze(table, "source_file", "invoice_no")


@pytest.mark.parametrize(
    ("kind", "small"),
    [("a path", 0), ("a path", 1 << 20), ("any file system", 1 << 20)],
    ids=["by tasks", "by the driver", "by the driver through Hadoop"],
    indirect=["kind"],
)
@pytest.mark.usefixtures("kind")
def test_what_was_written_goes_when_not_all_can_be(
    shop: Warehouse,
    made: Callable[[Table, str], Table],
    monkeypatch: pytest.MonkeyPatch,
    small: int,
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    table = made(TRANSACTIONS_RAW, "blocked")
    place = Path(str(iceberg_table(shop.spark, table).location()).removeprefix("file:")) / "data"
    place.mkdir(exist_ok=True)
    (place / "invoice_date_month=2025-04").write_text("no directory")
    for month in (3, 4):
        lines = [line("1", invoice_date=f"2025-0{month}-03 02:00:00")]
        name = f"transactions_20250{month}03T0000.csv"
        shop.deliver("transactions", name, csv_text("transactions", lines))
    files, _ = Landing(shop.spark, shop.settings.landing, "transactions").waiting()
    with pytest.raises(Exception, match="invoice_date_month=2025-04"):
        Reading(shop.spark, files, TRANSACTIONS, 7).append(as_they_are, table)
    assert files_below(shop, table) == []
    assert shop.bronze(table) == []
    for file in files:
        filesystem.local_path(file.uri).unlink()
