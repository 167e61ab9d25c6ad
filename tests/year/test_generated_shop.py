"""The generated shop: every planted fault is found where the truth says, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from generators.shop import ShopOptions, build_shop
from jobs.analytics import detect_anomalies
from tests.support.warehouse import Warehouse

Loaded = tuple[Warehouse, dict[str, Any]]


@pytest.fixture(scope="module", params=["ignore", "invalidate"])
def shop(request: pytest.FixtureRequest, new_warehouse: Callable[..., Warehouse]) -> Loaded:
    """The default shop, delivered in its two waves."""
    made = build_shop(ShopOptions(seed=7))
    warehouse = new_warehouse(products_missing=request.param)
    for wave in (1, 2):
        for delivery in made.deliveries:
            if delivery.wave == wave:
                file = delivery.file
                warehouse.deliver(file.kind, file.name, file.content)
        warehouse.take()
        detect_anomalies.run(warehouse.context)
    return warehouse, json.loads(made.truth)


def test_every_planted_fault_is_in_error_and_nothing_else(shop: Loaded) -> None:
    warehouse, truth = shop
    found = warehouse.gold_rows(
        "SELECT transaction_id, source_file, source_line, rules FROM transactions_error"
        " WHERE status = 'OPEN'"
    )
    planted = [
        (e["transaction_id"], e["source_file"], e["source_line"], tuple(e["rules"]))
        for e in truth["errors"]
    ]
    assert planted
    assert Counter((*row[:3], tuple(row[3])) for row in found) == Counter(planted)


def test_totals_are_those_of_the_truth(shop: Loaded) -> None:
    warehouse, truth = shop
    totals = truth["totals"]
    rows = warehouse.gold_rows(
        "SELECT (SELECT sum(line_count) FROM ops.loaded_files),"
        " (SELECT count(*) FROM fact_transactions),"
        " (SELECT sum(total_amount) FROM fact_transactions),"
        " (SELECT count(*) FROM dim_customers WHERE customer_sk <> -1)"
    )
    assert rows[0] == (
        totals["lines_in"],
        totals["loaded"],
        Decimal(str(totals["revenue"])),
        totals["customers"],
    )


def test_a_changed_line_has_the_quantity_that_wins(shop: Loaded) -> None:
    warehouse, truth = shop
    loaded = dict(warehouse.gold_rows("SELECT transaction_id, quantity FROM fact_transactions"))
    changed = {c["transaction_id"]: c["quantity"] for c in truth["changed_lines"]}
    assert changed
    assert {key: loaded[key] for key in changed} == changed


def test_every_planted_outlier_is_flagged(shop: Loaded) -> None:
    warehouse, truth = shop
    flagged = {r[0] for r in warehouse.gold_rows("SELECT transaction_id FROM anomalies")}
    outliers = {o["transaction_id"] for o in truth["outliers"]}
    assert outliers
    assert outliers <= flagged


def test_rejected_master_rows_are_those_planted(shop: Loaded) -> None:
    warehouse, truth = shop
    found = warehouse.gold_rows("SELECT source_file, source_line FROM ops.rejected_rows")
    planted = {(r["source_file"], r["source_line"]) for r in truth["rejected_rows"]}
    assert planted
    assert set(found) == planted
