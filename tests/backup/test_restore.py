"""A restore: equal to what was backed up, there and elsewhere; refused where it would harm."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.backup import restore
from jobs.common.contracts import PRODUCTS
from jobs.common.errors import UsageError
from jobs.common.job import JobContext
from jobs.common.lake import get_property
from jobs.common.settings import Settings
from tests.backup import shop
from tests.support import databases
from tests.support.databases import query
from tests.support.warehouse import Warehouse


@pytest.fixture
def another(loaded: Warehouse, new_gold: Callable[[], Settings], tmp_path: Path) -> Warehouse:
    """Gold and landing that are set up and empty; the lake is the loaded one's."""
    settings = new_gold().model_copy(update={"landing_uri": tmp_path.joinpath("landing").as_uri()})
    return Warehouse(JobContext(settings, loaded.spark), tmp_path / "landing")


def damage(backup: Path, copy: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of a backup with one file changed."""
    shutil.copytree(backup, copy)
    (copy / name).write_bytes(change((copy / name).read_bytes()))
    return copy


def data_file(backup: Path) -> str:
    return next(str(p.relative_to(backup)) for p in sorted(backup.rglob("*.parquet")))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("gold.dump", cut, "damaged: 1 of"),
        ("gold.dump", flip, "damaged: 1 of"),
        ("data", cut, "damaged: 1 of"),
        ("data", flip, "damaged: 1 of"),
        ("manifest.json", cut, "manifest is damaged"),
        ("manifest.json", lambda _: b'{"format": 99}', "of another format"),
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_changes(
    another: Warehouse,
    backup: Path,
    tmp_path: Path,
    name: str,
    change: Callable[[bytes], bytes],
    told: str,
) -> None:
    name = data_file(backup) if name == "data" else name
    damaged = damage(backup, tmp_path / "copy", name, change)

    with pytest.raises(UsageError, match=told):
        restore.run(another.context, str(damaged))

    assert query(another.settings, "SELECT count(*) FROM ops.runs") == [(0,)]


@pytest.mark.parametrize("name", ["manifest.json", "landing/transactions/odd name.txt"])
def test_a_backup_that_lacks_a_file_is_refused(
    another: Warehouse, backup: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(backup, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()

    with pytest.raises(UsageError, match=r"half-made|damaged"):
        restore.run(another.context, str(tmp_path / "copy"))


def test_gold_that_holds_something_is_refused(loaded: Warehouse, backup: Path) -> None:
    before = databases.state(loaded.settings)

    with pytest.raises(UsageError, match="gold is not empty"):
        restore.run(loaded.context, str(backup))

    assert databases.state(loaded.settings) == before


def test_a_lake_that_holds_something_is_refused(another: Warehouse, backup: Path) -> None:
    before = shop.bronze(another)

    with pytest.raises(UsageError, match="the lake is not empty: ecommerce_db"):
        restore.run(another.context, str(backup))

    assert shop.bronze(another) == before
    assert query(another.settings, "SELECT count(*) FROM ops.runs") == [(0,)]


def test_in_the_same_place_all_is_as_it_was_and_the_next_file_loads(
    loaded: Warehouse, backup: Path, another: Warehouse
) -> None:
    """Last in this file: it empties the lake."""
    rows, gold = shop.bronze(loaded), databases.state(loaded.settings)
    built = get_property(loaded.spark, PRODUCTS, shop.PROPERTY)
    snapshots = shop.history(loaded, PRODUCTS.full_name)
    another.emptied()

    restore.run(another.context, str(backup))

    assert shop.bronze(another) == rows
    assert databases.state(another.settings) == gold
    assert built is not None
    assert get_property(another.spark, PRODUCTS, shop.PROPERTY) == built
    assert shop.history(another, PRODUCTS.full_name) == snapshots
    runs = query(
        another.settings, "SELECT job, status FROM ops.v_runs ORDER BY run_id DESC LIMIT 2"
    )
    assert runs == [("restore", "done"), ("backup", "done")]
    assert another.load().counts.get("rows_in", 0) == 0
    another.deliver("transactions", shop.NEXT, shop.next_file())
    assert another.take().counts["loaded"] == 2
