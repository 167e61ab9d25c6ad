"""A file that is too bad, from landing to the stewards' mail, and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobs import pipeline
from jobs.common.errors import HeldBack
from tests.notify.smtp_server import smtp_server
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

NOW = datetime(2025, 3, 4, tzinfo=UTC)
BAD = "transactions_20250303T1200.csv"


def test_the_chain_publishes_nothing_tells_the_stewards_and_takes_a_persons_word(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    with smtp_server() as inbox:
        warehouse = new_warehouse(
            smtp_host="127.0.0.1",
            smtp_port=inbox.port,
            smtp_security="none",
            breaker_min_rows=4,
        )
        warehouse.deliver("products", "products_20250301.csv", [product()])
        warehouse.deliver("countries", "countries_20250301.csv", [country()])
        warehouse.deliver("transactions", "transactions_20250303T0800.csv", [line("good")])
        warehouse.take()
        steps = pipeline.chosen("ingest_transactions,fact_postgres,send_mail")
        before = warehouse.gold_state()

        lines = [line(f"n{n}", quantity=n % 2) for n in range(4)]
        warehouse.deliver("transactions", BAD, lines)
        with pytest.raises(HeldBack, match=f"{BAD}: 2 of 4 lines malformed") as held:
            pipeline.run(warehouse.context, steps, NOW)
        assert held.value.exit_code == 3
        assert warehouse.gold_state() == before
        assert warehouse.gold_rows("SELECT source_file FROM ops.pending_files") == [(BAD,)]

        accepting = replace(warehouse.context, accept="the till was being tested")
        pipeline.run(accepting, steps, NOW)

    subjects = [str(message["Subject"]) for message in inbox.messages]
    told = [subject for subject in subjects if "breaker" in subject]
    assert [subject.split(" · ")[0] for subject in told] == ["[Warehouse] 1 finding of the breaker"]
    assert warehouse.gold_rows("SELECT count(*) FROM fact_transactions") == [(3,)]
    assert warehouse.gold_rows("SELECT * FROM ops.pending_files") == []
    assert warehouse.gold_rows("SELECT reason, files FROM ops.breaker_trips") == [
        ("the till was being tested", [BAD])
    ]
    kept = "SELECT parameters->>'accept' FROM ops.runs WHERE status = 'done'"
    assert ("the till was being tested",) in warehouse.gold_rows(kept)
