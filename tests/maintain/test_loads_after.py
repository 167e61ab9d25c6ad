"""Loads after and beside maintenance: gold as without it, and nothing looked at again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from jobs.common.contracts import (
    BRONZE_TABLES,
    DW_FACT,
    PRODUCTS,
    PRODUCTS_SNAPSHOTS,
    TRANSACTIONS_RAW,
    Table,
)
from jobs.common.lake import BUILT_FROM, get_property, snapshot_id
from jobs.common.settings import PROJECT_ROOT
from jobs.gold import load_dw
from jobs.maintain import compaction, expiry
from tests.maintain.history import DAYS, NEXT, deliver, live, maintained
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

pytestmark = pytest.mark.spark

State = dict[str, Rows]
BOTH = ("compaction", "expiry")


@pytest.fixture(scope="module")
def undisturbed(new_warehouse: Callable[..., Warehouse]) -> tuple[State, State]:
    """What gold tells of all days' files at once, and after the next, without maintenance."""
    warehouse = new_warehouse()
    for day in DAYS:
        deliver(warehouse, day)
    warehouse.take()
    before = warehouse.gold_state()
    live(warehouse, NEXT)
    return before, warehouse.gold_state()


@pytest.fixture(scope="module")
def kept(undisturbed: object, new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The same days, with maintenance after the second and before gold takes the last."""
    warehouse = new_warehouse(maintain_min_files=2)
    live(warehouse, *DAYS[:2])
    maintained(warehouse, *BOTH, later=10)
    deliver(warehouse, DAYS[2])
    warehouse.ingest()
    return warehouse


def snapshots(warehouse: Warehouse, table: Table) -> list[int]:
    rows = warehouse.spark.table(f"{table.full_name}.snapshots").orderBy("committed_at")
    return [row[0] for row in rows.select("snapshot_id").collect()]


def watermark(warehouse: Warehouse, table: Table) -> int:
    statement = "SELECT snapshot_id FROM ops.watermarks WHERE table_name = %s"
    ((found,),) = warehouse.gold_rows(statement, table.full_name)
    return int(found)


def current(warehouse: Warehouse, table: Table) -> int | None:
    return snapshot_id(warehouse.spark, table)


def does_what_a_dry_run_said(warehouse: Warehouse, step: str) -> bool:
    """Whether a dry run changed nothing, and the real one as many files as it had said."""
    before = [snapshots(warehouse, table) for table in BRONZE_TABLES]
    said = maintained(warehouse, step, later=10, dry_run=True).counts
    after = [snapshots(warehouse, table) for table in BRONZE_TABLES]
    done = maintained(warehouse, step, later=10).counts
    assert said[f"{step}_files"] > 0
    shared = said.keys() & done.keys()
    return after == before and all(said[name] == done[name] for name in shared)


def test_a_compaction_does_what_a_dry_run_said(kept: Warehouse) -> None:
    assert does_what_a_dry_run_said(kept, "compaction")


def test_what_gold_has_yet_to_take_in_stays_to_be_found(
    kept: Warehouse, undisturbed: tuple[State, State]
) -> None:
    maintained(kept, *BOTH, later=10)
    at = watermark(kept, TRANSACTIONS_RAW)

    assert current(kept, TRANSACTIONS_RAW) != at
    assert snapshots(kept, TRANSACTIONS_RAW)[0] == at
    assert kept.load().counts["rows_in"] == 4
    assert kept.gold_state() == undisturbed[0]
    assert len(undisturbed[0]["fact_transactions"]) == 8


def test_an_expiry_does_what_a_dry_run_said_and_leaves_no_mark_behind(kept: Warehouse) -> None:
    maintained(kept, "compaction", later=10)

    assert does_what_a_dry_run_said(kept, "expiry")
    words = (get_property(kept.spark, PRODUCTS, BUILT_FROM) or "").split()
    assert int(words[0]) == current(kept, PRODUCTS_SNAPSHOTS)
    assert int(words[6]) == current(kept, PRODUCTS)
    for table in BRONZE_TABLES:
        assert watermark(kept, table) == current(kept, table)
        assert len(kept.data(table)) <= 2  # one a partition
    assert kept.load().counts == {"rows_in": 0, "loaded": 0}
    assert set(maintained(kept, *BOTH, later=10).counts.values()) == {0}


def test_the_star_in_the_lake_is_not_written_again_after_its_files_were(kept: Warehouse) -> None:
    load_dw.run(kept.context)
    kept.spark.sql(
        f"CALL spark_catalog.system.rewrite_data_files(table => '{DW_FACT.full_name}',"
        " options => map('rewrite-all', 'true'))"
    )
    rewritten = snapshots(kept, DW_FACT)

    assert load_dw.run(kept.context).counts == {"months": 0}
    assert len(rewritten) == 2
    assert snapshots(kept, DW_FACT) == rewritten


def test_marks_that_were_lost_only_cost_time(
    kept: Warehouse, undisturbed: tuple[State, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(kept, {name: rows for name, rows in NEXT.items() if name.startswith("products")})
    kept.ingest()
    monkeypatch.setattr(compaction, "carry", lambda place, before: None)
    monkeypatch.setattr(expiry, "needed", lambda place: set())
    maintained(kept, *BOTH, later=10)
    assert watermark(kept, PRODUCTS_SNAPSHOTS) not in snapshots(kept, PRODUCTS_SNAPSHOTS)

    deliver(kept, {name: rows for name, rows in NEXT.items() if name.startswith("trans")})
    kept.take()

    assert kept.gold_state() == undisturbed[1]


@pytest.fixture
def beside(
    undisturbed: object, new_warehouse: Callable[..., Warehouse]
) -> Iterator[tuple[Warehouse, subprocess.Popen[str]]]:
    """An empty warehouse, and a process that maintains it over and over."""
    changed = {"maintain_min_files": 2, "lock_wait_seconds": 120}
    made = new_warehouse(**changed)
    names = {"gold_db", "landing_uri", *changed}
    environment = {name.upper(): str(getattr(made.settings, name)) for name in names}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.maintain.over_and_over"],
        cwd=PROJECT_ROOT,
        env=os.environ | environment | {"SPARK_MASTER": "local[1]", "SPARK_DRIVER_MEMORY": "1g"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Warehouse(replace(made.context, trigger="schedule"), made.landing), process
    process.kill()
    process.wait()


def test_maintenance_beside_loads_changes_nothing_for_them(
    undisturbed: tuple[State, State], beside: tuple[Warehouse, subprocess.Popen[str]]
) -> None:
    warehouse, process = beside
    assert process.stdout
    assert process.stdout.readline() == "ready\n"

    live(warehouse, *DAYS)
    words, _ = process.communicate(timeout=300)

    assert process.returncode == 0
    assert warehouse.gold_state() == undisturbed[0]
    assert "compaction, ecommerce_db.transactions_raw: wrote anew" in words
    assert "expiry, ecommerce_db.products: dropped" in words
