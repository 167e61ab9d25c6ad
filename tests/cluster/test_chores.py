"""Maintenance and an erasure on HDFS; what they leave there is fetched and read without Spark."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import Shop
from tests.support.cluster import LANDING, TestCluster

pytestmark = pytest.mark.long

LAKE = "hdfs://namenode:8020/lake"
BRONZE_LINES = f"{LAKE}/ecommerce_db.db/transactions_raw/data"
ERASED = "C3"
AT_ONCE = {"MAINTAIN_MIN_FILES": "2", "MAINTAIN_KEEP_DAYS": "1"}


def fetched(cluster: TestCluster, directory: Path) -> Path:
    """The lake and landing, as they are on HDFS."""
    cluster.run("hadoop_fs.sh", "-get", LAKE, LANDING, str(directory))
    return directory


def customers(directory: Path) -> Iterator[str]:
    """Every value that any file has below a heading of customers."""
    for path in directory.rglob("*.parquet"):
        if not path.stat().st_size:  # of an attempt that another overtook
            continue
        table = pq.read_table(path)
        for name in table.column_names:
            if name == "customer_id":
                yield from map(str, table[name].to_pylist())
    for path in (directory / "landing").rglob("transactions_*.csv"):
        with path.open(newline="") as file:
            yield from (row["customer_id"] for row in csv.DictReader(file))


def test_small_files_become_few_and_no_line_changes(cluster: TestCluster, shop: Shop) -> None:
    shop.deliver()
    cluster.run("run_pipeline.sh")
    before = cluster.listing(BRONZE_LINES)

    planned = cluster.run("run_maintain.sh", "--dry-run", **AT_ONCE)
    assert cluster.listing(BRONZE_LINES) == before
    cluster.run("run_maintain.sh", **AT_ONCE)

    assert "transactions_raw" in planned
    small = [path for path in before if path.endswith(".parquet")]
    new = [p for p in cluster.listing(BRONZE_LINES) if p.endswith(".parquet") and p not in before]
    assert len(small) > 1
    assert len(new) == 1
    shop.deliver()
    cluster.run("run_pipeline.sh")
    assert shop.is_whole_in_gold()
    cluster.run("run_check_data.sh")


def test_who_is_erased_is_in_no_file_of_hdfs(
    cluster: TestCluster, shop: Shop, tmp_path: Path
) -> None:
    (before := tmp_path / "before").mkdir()
    (after := tmp_path / "after").mkdir()
    assert ERASED in set(customers(fetched(cluster, before)))

    cluster.run("run_erase_customer.sh", ERASED, "--why", "a ticket", "--who", "tests")

    left = set(customers(fetched(cluster, after)))
    assert ERASED not in left
    assert {"C1", "C2"} <= left
    assert shop.is_whole_in_gold()
    cluster.run("run_check_data.sh")
    cluster.run("run_erase_customer.sh", ERASED, "--why", "asked again", "--who", "tests")


def test_what_comes_again_of_them_is_a_guest_s(
    cluster: TestCluster, shop: Shop, tmp_path: Path
) -> None:
    shop.deliver()
    cluster.run("run_pipeline.sh")

    known = "SELECT count(*) FROM dim_customers WHERE customer_id = %s"
    assert cluster.gold(known, ERASED) == [(0,)]
    assert cluster.gold(known, "C1") == [(1,)]
    assert shop.is_whole_in_gold()
    assert ERASED not in set(customers(fetched(cluster, tmp_path)))
