"""Staged lines of an erased customer, as when an erasure died before it came to bronze."""

from __future__ import annotations

import pytest

from jobs.common.settings import Settings
from tests.gold.loads import File, Loads, bad, line
from tests.support.databases import query

RUN = "INSERT INTO ops.runs (job, who, backend_pid) VALUES ('a', 'b', 0) RETURNING run_id"
ERASED = (
    "INSERT INTO ops.erased_customers (customer_hash, who, why, run_id)"
    " SELECT customer_hash, 'w', 'y', %s FROM ops.hash_customers('{C1}')"
)


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    """An empty gold in which C1 is erased."""
    [(run_id,)] = query(gold_settings, RUN)
    query(gold_settings, ERASED, run_id)
    return Loads(gold_settings)


def test_the_load_takes_them_as_a_guests(loads: Loads) -> None:
    raw = '{"country": "RSA", "customer_id": "C1"}'
    theirs = bad("4-1", customer_id="C1") | {"raw": raw}
    others = bad("5-1", customer_id="C11") | {"raw": raw.replace("C1", "C11")}

    loads.take(File("a", [line("1-1"), line("2-1", customer_id="C11"), theirs, others]))

    assert [(row[0], row[3]) for row in loads.facts()] == [("1-1", None), ("2-1", "C11")]
    assert [row[0] for row in loads.customers()] == ["C11"]
    assert loads.ask("SELECT transaction_id, raw ->> 'customer_id' FROM transactions_error"
                     " ORDER BY 1") == [("4-1", None), ("5-1", "C11")]  # fmt: skip
    assert loads.ask("SELECT DISTINCT customer_sk FROM ops.sales_by_buyer") == [(11,)]
