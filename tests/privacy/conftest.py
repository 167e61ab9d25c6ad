"""A shop from which a customer was erased, with what was there before and what was left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jobs.common.runlog import Run
from jobs.privacy.erase_customer import Request, run
from tests.privacy import shop
from tests.support.warehouse import Warehouse

KEY = int(hashlib.sha256(shop.ANN.encode()).hexdigest()[:15], 16)


@dataclass
class Erasure:
    """The warehouse now, and what it told before and after."""

    warehouse: Warehouse
    before: dict[str, Any]
    dry: tuple[Any, Any]
    run: Run
    after: dict[str, Any]


def told(warehouse: Warehouse) -> dict[str, Any]:
    """What the tests compare."""
    return {
        "lines": shop.rows_of(warehouse),
        "state": warehouse.gold_state(),
        "files": shop.holders(warehouse, shop.ANN),
        "columns": shop.columns_with(warehouse, shop.ANN, KEY),
        "bronze": warehouse.spark.table("ecommerce_db.transactions_raw").collect(),
        "star": warehouse.spark.table("ecommerce_dw.fact_transactions").collect(),
        "buyers": warehouse.gold_rows("SELECT * FROM v_top_buyers_by_region ORDER BY rank"),
    }


@pytest.fixture(scope="session")
def request_of() -> Callable[[str], Request]:
    """A request to erase someone."""
    return lambda customer: Request(customer, "dpo", "ticket 12")


@pytest.fixture(scope="module")
def erased(
    new_warehouse: Callable[..., Warehouse], request_of: Callable[[str], Request]
) -> Erasure:
    """Ann, erased."""
    warehouse = new_warehouse()
    shop.open_shop(warehouse)
    before = told(warehouse)
    still = shop.everything(warehouse)
    run(replace(warehouse.context, dry_run=True), request_of(shop.ANN))
    dry = (still, shop.everything(warehouse))
    arriving = warehouse.landing / "transactions" / "transactions_20250403T1600.csv.part"
    arriving.write_text(shop.second_file())
    done = run(warehouse.context, request_of(shop.ANN))
    arriving.unlink()
    return Erasure(warehouse, before, dry, done, told(warehouse))
