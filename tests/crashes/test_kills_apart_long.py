"""Backup, archive and migrations, while Postgres is killed under them at each point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.backup import make_backup
from jobs.common.roles import create_gold
from jobs.gold import archive
from tests.backup import shop
from tests.crashes import apart
from tests.crashes.points import MIGRATE
from tests.crashes.test_kills_apart import KEPT, LET_GO, OF_BACKUP
from tests.crashes.test_kills_of_setup import dump, in_order, migrations
from tests.crashes.victims import backend, server
from tests.gold.old_months import HISTORY, Shop
from tests.support import databases
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.long]

Record = Callable[[str, object], None]


@pytest.mark.parametrize("victim", [backend, server], ids=["backend", "server"])
def test_the_next_backup_is_as_if_nobody_was_killed(
    new_warehouse: Callable[..., Warehouse],
    tmp_path: Path,
    victim: Callable[[Warehouse], Any],
    record_property: Record,
) -> None:
    warehouse = new_warehouse()
    shop.open_shop(warehouse)
    make_backup.run(warehouse.context, str(tmp_path / "never killed"))
    expected = apart.told(tmp_path / "never killed")

    for point in OF_BACKUP:
        left, new = tmp_path / point / "left", tmp_path / point / "again"
        with victim(warehouse) as killed:
            code = apart.hit(warehouse, killed, apart.into(make_backup.run, left), point)
        assert code or apart.told(left) == expected, point
        make_backup.run(apart.patient(warehouse), str(new))
        assert apart.told(new) == expected, point
        assert apart.scratch(warehouse) == [], point
    record_property("points killed", len(OF_BACKUP))


@pytest.mark.parametrize("victim", [backend, server], ids=["backend", "server"])
def test_a_month_is_in_gold_or_in_the_archive(
    new_warehouse: Callable[..., Warehouse],
    victim: Callable[[Warehouse], Any],
    record_property: Record,
) -> None:
    old = Shop(new_warehouse(), HISTORY)
    before = old.gold()["fact_transactions"]

    for point in (KEPT, LET_GO):
        with victim(old.warehouse) as killed:
            apart.hit(old.warehouse, killed, archive.run, point)
        left = old.gold()["fact_transactions"]
        assert len(before) - len(left) == sum(lines for _, lines, *_ in old.archived()), point
    old.archive(trigger="schedule")

    assert len(old.archived()) == 6
    assert old.failing() == []
    record_property("points killed", 2)


def test_migrations_go_on_where_postgres_died(
    new_warehouse: Callable[..., Warehouse], record_property: Record
) -> None:
    warehouse = new_warehouse()
    expected = dump(warehouse.settings)
    points = in_order(MIGRATE)

    for point in points:
        databases.drop(warehouse.settings)
        create_gold(warehouse.settings)
        with server(warehouse) as killed:
            apart.hit(warehouse, killed, migrations, point)
        migrations(warehouse.context)
        assert dump(warehouse.settings) == expected, point
    record_property("points killed", len(points))
