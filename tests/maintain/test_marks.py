"""Loads after maintenance: gold as without it, and nothing looked at again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobs.common.contracts import (
    TRANSACTIONS_RAW,
)
from jobs.gold import load_dw
from tests.maintain.history import live, maintained
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def undisturbed(new_warehouse: Callable[..., Warehouse]) -> dict[str, Rows]:
    """What gold tells after the days without any maintenance."""
    warehouse = new_warehouse()
    live(warehouse)
    return warehouse.gold_state()


@pytest.fixture(scope="module")
def warehouse(undisturbed: dict[str, Rows], new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The same days, with maintenance in the evenings, and the star in the lake."""
    warehouse = new_warehouse(maintain_min_files=2)
    live(warehouse, lambda: maintained(warehouse, "compaction", "expiry", later=10))
    load_dw.run(warehouse.context)
    return warehouse


def test_gold_is_as_without_maintenance(undisturbed: dict[str, Rows], warehouse: Warehouse) -> None:
    assert warehouse.gold_state() == undisturbed
    assert len(warehouse.data(TRANSACTIONS_RAW)) == 2  # one a month
    assert len(undisturbed["fact_transactions"]) == 10
