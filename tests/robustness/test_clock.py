"""A clock that went back: a commit that Iceberg would refuse is told as such, seen-times stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.bronze import ingest_transactions
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.db import connect
from jobs.common.job import exit_code_of
from jobs.common.lake import metadata_file, snapshot_id
from jobs.common.settings import Settings
from tests.gold.loads import File, Loads, bad
from tests.support.rows import csv_text, line
from tests.support.warehouse import Warehouse

HOUR = 3_600_000
NAMES = [f"transactions_20250303T{hour}00.csv" for hour in ("00", "04")]


def an_hour_later(metadata: str) -> str:
    """A table's state as it would be had its commits been made an hour later."""
    state = json.loads(metadata)
    state["last-updated-ms"] += HOUR
    for each in (*state["snapshots"], *state["snapshot-log"], *state["metadata-log"]):
        each["timestamp-ms"] += HOUR
    return json.dumps(state)


def test_lines_wait_until_the_clock_has_caught_up_with_the_table(
    new_warehouse: Callable[..., Warehouse], capfd: pytest.CaptureFixture[str]
) -> None:
    warehouse = new_warehouse()
    warehouse.deliver("transactions", NAMES[0], csv_text("transactions", [line("1")]))
    ingest_transactions.run(warehouse.context)
    path = Path(metadata_file(warehouse.spark, TRANSACTIONS_RAW)[1].removeprefix("file:"))
    as_it_was = path.read_text()
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    path.write_text(an_hour_later(as_it_was))
    warehouse.deliver("transactions", NAMES[1], csv_text("transactions", [line("2")]))
    before = snapshot_id(warehouse.spark, TRANSACTIONS_RAW)

    assert exit_code_of(lambda: ingest_transactions.run(warehouse.context)) == 75

    said = capfd.readouterr().err
    assert "error: the clock went back: the table's last commit is more than a minute" in said
    assert "Traceback" not in said
    assert snapshot_id(warehouse.spark, TRANSACTIONS_RAW) == before
    assert warehouse.waiting("transactions") == [NAMES[1]]

    path.write_text(as_it_was)  # an hour later
    ingest_transactions.run(warehouse.context)
    assert [row[0] for row in warehouse.bronze(TRANSACTIONS_RAW, "invoice_no")] == ["1", "2"]


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    return Loads(gold_settings)


def test_an_error_was_never_last_seen_before_it_was_first_seen(loads: Loads) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    loads.take(File("a", [bad("1-1"), bad("2-1")]))
    with closing(connect(loads.settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute("UPDATE transactions_error SET first_seen = %s, last_seen = %s", (later, later))

    loads.take(File("b", [bad("1-1"), bad("3-1")], window="2011-01-05T12:00"))

    rows = loads.ask(
        "SELECT transaction_id, attempts, last_seen >= first_seen FROM transactions_error"
    )
    assert sorted(rows) == [("1-1", 2, True), ("2-1", 1, True), ("3-1", 1, True)]
