"""A restore into a new home at another path: equal rows, equal history, equal next load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedded import services
from embedded.home import Home
from jobs.common.contracts import BRONZE_TABLES
from tests.backup import shop
from tests.scripts.runner import run
from tests.support import databases, homes
from tests.support.rows import csv_text
from tests.support.warehouse import Warehouse


@contextmanager
def registered(warehouse: Warehouse, manifest: Path, lake: Path) -> Iterator[str]:
    """A database of the tests' metastore that shows the bronze tables of another lake."""
    tables = json.loads(manifest.read_text())["tables"]
    warehouse.spark.sql("CREATE DATABASE IF NOT EXISTS elsewhere")
    for table in BRONZE_TABLES:
        name = Path(tables[table.full_name]["metadata_file"]).name
        metadata = f"file:{lake}/ecommerce_db.db/{table.name}/metadata/{name}"
        warehouse.spark.sql(
            f"CALL spark_catalog.system.register_table('elsewhere.{table.name}', '{metadata}')"
        )
    yield "elsewhere"
    for table in BRONZE_TABLES:
        warehouse.spark.sql(f"DROP TABLE elsewhere.{table.name}")
    warehouse.spark.sql("DROP DATABASE elsewhere")


def names_below(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*.*"))


def histories(warehouse: Warehouse, database: str) -> dict[str, list[int]]:
    return {t.name: shop.history(warehouse, f"{database}.{t.name}") for t in BRONZE_TABLES}


@pytest.fixture(scope="module")
def home(backup: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """What the wrapper made of the backup, from nothing."""
    home = Home(tmp_path_factory.mktemp("elsewhere") / "new home")
    done = run("run_restore.sh", str(backup), home=home.root)
    assert done.returncode == 0, done.stderr
    yield home
    services.down(home)


def state_of(home: Home) -> dict[str, Any]:
    return databases.state(homes.settings_of(home))


@pytest.mark.slow
def test_gold_bronze_and_landing_are_equal(loaded: Warehouse, backup: Path, home: Home) -> None:
    assert state_of(home) == databases.state(loaded.settings)
    with registered(loaded, backup / "manifest.json", home.root / "lake") as there:
        assert shop.bronze(loaded, there) == shop.bronze(loaded)
        assert histories(loaded, there) == histories(loaded, "ecommerce_db")
    assert names_below(home.root / "landing") == names_below(loaded.landing)


@pytest.mark.slow
def test_nothing_is_new_and_the_next_file_loads_as_it_would_have(
    loaded: Warehouse, home: Home
) -> None:
    again = run("run_pipeline.sh", home=home.root)
    assert again.returncode == 0, again.stderr
    assert "gold: nothing new" in again.stdout
    assert "dw: wrote 0 months" in again.stdout

    loaded.deliver("transactions", shop.NEXT, shop.next_file())
    loaded.take()
    text = csv_text("transactions", shop.next_file())
    (home.root / "landing" / "transactions" / shop.NEXT).write_text(text)
    later = run("run_pipeline.sh", home=home.root)

    assert later.returncode == 0, later.stderr
    assert "gold: 2 rows in, 2 loaded" in later.stdout
    assert state_of(home) == databases.state(loaded.settings)
