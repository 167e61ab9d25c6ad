"""A loaded warehouse and its backup, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.backup import make_backup
from tests.backup import shop
from tests.support.warehouse import Warehouse


@pytest.fixture(scope="module")
def loaded(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The small shop."""
    warehouse = new_warehouse()
    shop.open_shop(warehouse)
    return warehouse


@pytest.fixture(scope="module")
def backup(loaded: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup, made at one place and kept at another."""
    made = tmp_path_factory.mktemp("backups") / "made here"
    make_backup.run(loaded.context, str(made))
    return Path(shutil.move(made, tmp_path_factory.mktemp("archive") / "kept here"))
