"""Files that no table knows of, and tables that are in use."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.errors import AlreadyRunning, UsageError
from jobs.common.runlog import run_context
from jobs.maintain.maintain import chosen
from tests.maintain.history import DAYS, deliver, maintained
from tests.support.databases import query
from tests.support.warehouse import Warehouse

ONLY = {"tables": [TRANSACTIONS_RAW]}
DAY = 24 * 3600


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    made = new_warehouse()
    deliver(made, {name: rows for name, rows in DAYS[0].items() if name.startswith("trans")})
    made.ingest()
    return made


@pytest.fixture
def strays(warehouse: Warehouse) -> dict[str, Path]:
    """What killed writers left: data and metadata of four days ago, data of an hour ago."""
    (file,) = warehouse.data(TRANSACTIONS_RAW)
    table = file.parents[2]
    found = {
        "data": file.with_name("00000-9-killed.parquet"),
        "metadata": table / "metadata" / "00099-killed.metadata.json",
        "young": file.with_name("00000-10-at-work.parquet"),
    }
    for name, path in found.items():
        shutil.copy(file, path)
        age = 4 * DAY if name != "young" else 3600
        os.utime(path, (time.time() - age,) * 2)
    return found


@pytest.mark.spark
def test_old_strays_go_and_nothing_else(warehouse: Warehouse, strays: dict[str, Path]) -> None:
    rows = warehouse.bronze(TRANSACTIONS_RAW)
    size = 2 * strays["data"].stat().st_size

    said = maintained(warehouse, "orphans", dry_run=True, **ONLY)
    there = {name for name, path in strays.items() if path.exists()}
    done = maintained(warehouse, "orphans", **ONLY)

    assert said.counts == done.counts == {"orphans_files": 2, "orphans_bytes": size}
    assert there == set(strays)
    assert [name for name, path in strays.items() if path.exists()] == ["young"]
    assert warehouse.bronze(TRANSACTIONS_RAW) == rows


@pytest.mark.spark
def test_a_table_that_is_written_is_left_out_and_told(
    warehouse: Warehouse, strays: dict[str, Path]
) -> None:
    with run_context(warehouse.settings, "a_load", ("bronze.transactions",)):
        with pytest.raises(
            AlreadyRunning, match=r"transactions_raw \('bronze.*use by run \d+ \(a_"
        ):
            maintained(warehouse, "orphans", **ONLY)

    assert strays["data"].exists()


@pytest.mark.spark
def test_what_a_run_staged_before_it_died_goes_too(warehouse: Warehouse) -> None:
    with run_context(warehouse.settings, "fact_postgres", ("gold",)) as dead:
        pass
    table = f"lines_{dead.run_id}"
    query(warehouse.settings, f"CREATE UNLOGGED TABLE staging.{table} (a int)", role="loader")
    query(
        warehouse.settings,
        "UPDATE ops.runs SET status = 'running', ended_at = NULL WHERE run_id = %s",
        dead.run_id,
    )

    maintained(warehouse, "expiry", **ONLY)

    assert query(
        warehouse.settings,
        "SELECT status, to_regclass(%s) FROM ops.runs WHERE run_id = %s",
        f"staging.{table}",
        dead.run_id,
    ) == [("died", None)]


def test_steps_are_chosen_by_name() -> None:
    assert chosen(None) == ["compaction", "expiry", "orphans", "logs"]
    assert chosen("logs, compaction") == ["compaction", "logs"]
    with pytest.raises(UsageError, match="no such step: vacuum"):
        chosen("vacuum,logs")
