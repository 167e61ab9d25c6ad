"""A customer is erased in the middle of history: what goes, what stays, and what comes later."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.common.contracts import DW_DIM_CUSTOMERS, TRANSACTIONS_RAW
from jobs.common.dates import Dates
from jobs.common.errors import UsageError
from jobs.common.landing import Landing
from jobs.common.settings import PROJECT_ROOT
from jobs.privacy import erase_customer, in_gold
from jobs.privacy.erase_customer import Request
from tests.privacy import shop
from tests.privacy.conftest import Erasure
from tests.privacy.shop import ANN, BEA, CLEO, FIRST, SECOND, WAITING
from tests.support.rows import line, product
from tests.support.warehouse import Warehouse

NEW_OWNERS = {
    "500001-1": None, "500001-2": None, "500010-1": None, "500003-1": None,
    "500002-1": BEA, "500011-1": BEA, "500009-1": CLEO,
}  # fmt: skip


def test_a_dry_run_changes_nothing(erased: Erasure) -> None:
    before, after = erased.dry

    assert after == before


def test_her_lines_are_a_guests_and_nothing_else_of_them_changed(erased: Erasure) -> None:
    before, after = erased.before["lines"], erased.after["lines"]

    assert {key: row[0] for key, row in after.items()} == NEW_OWNERS
    assert {key: row[1:] for key, row in after.items()} == {k: r[1:] for k, r in before.items()}
    assert before["500001-1"][0] == ANN


def test_revenue_and_units_are_what_they_were(erased: Erasure) -> None:
    months = erased.warehouse.gold_rows("SELECT * FROM v_revenue_by_month ORDER BY month")

    assert [tuple(map(str, row)) for row in months] == [
        ("2025-03-01", "27.5000", "5", "11"),
        ("2025-04-01", "15.0000", "2", "6"),
    ]


def test_top_buyers_and_customers_are_those_who_are_left(erased: Erasure) -> None:
    customers = "SELECT customer_id, first_purchase::date::text, last_purchase::date::text FROM"

    assert erased.after["buyers"] == [
        ("Europe", 1, CLEO, Decimal("12.5000")),
        ("Europe", 2, BEA, Decimal("12.5000")),
    ]
    assert sorted(erased.warehouse.gold_rows(f"{customers} dim_customers"), key=repr) == [
        (CLEO, "2025-03-03", "2025-03-03"),
        (BEA, "2025-03-03", "2025-04-03"),
        (None, None, None),
    ]


def test_her_lines_in_error_are_there_without_her(erased: Erasure) -> None:
    rows = erased.warehouse.gold_rows(
        "SELECT coalesce(transaction_id, 'short'), raw ->> 'customer_id', raw ->> 'invoice_date',"
        " status, rules[1] FROM transactions_error"
    )

    assert {row[0]: row[1:] for row in rows} == {
        "500004-1": (None, "2025-03-03 10:00:00", "OPEN", "unknown_country"),
        "500005-1": (None, "2025-03-03 10:00:00", "OPEN", "malformed_row"),
        "short": ("France", None, "OPEN", "malformed_row"),
        "500007-1": (BEA, "2025-03-03 10:00:00", "OPEN", "unknown_country"),
        "500008-1": (BEA, "2025-03-03 10:00:00", "OPEN", "malformed_row"),
    }


def test_bronze_has_every_row_and_changed_hers_alone(erased: Erasure) -> None:
    key = ("file_sha256", "source_line")
    before = {tuple(r[k] for k in key): r for r in erased.before["bronze"]}
    after = {tuple(r[k] for k in key): r for r in erased.after["bronze"]}
    changed = {place for place in before if before[place] != after[place]}

    assert after.keys() == before.keys()
    assert len(changed) == 6
    assert all(shop.named(ANN).search(repr(before[place]).encode()) for place in changed)
    short = next(r for r in after.values() if r.raw_bytes and b"500006" in r.raw_bytes)
    assert bytes(short.raw_bytes) == b"500006,1,A1,2025-03-03 10:00:00,,France\n"
    assert json.loads(short.raw_fields)["invoice_date"] is None


def test_the_lakes_star_is_golds(erased: Erasure) -> None:
    of_gold = erased.warehouse.gold_rows(
        "SELECT transaction_id, customer_sk FROM fact_transactions ORDER BY 1"
    )

    assert sorted((r.transaction_id, r.customer_sk) for r in erased.after["star"]) == of_gold
    assert {r[0] for r in erased.warehouse.bronze(DW_DIM_CUSTOMERS, "customer_id")} == {
        BEA, CLEO, None,
    }  # fmt: skip


def test_no_file_of_lake_and_landing_holds_her_number(erased: Erasure) -> None:
    kinds = {Path(name).suffix for name in erased.before["files"]}

    assert kinds == {".parquet", ".avro", ".csv", ".txt"}
    assert "landing" in {part[:7] for name in erased.before["files"] for part in Path(name).parts}
    assert erased.after["files"] == set()


def test_the_page_on_personal_data_lists_each_column_that_held_her(erased: Erasure) -> None:
    page = (PROJECT_ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")
    listed = {".".join(row) for row in re.findall(r"(?m)^\| `([\w.]+)` \| `(\w+)` \|", page)}
    bronze = {
        f"ecommerce_db.transactions_raw.{name}"
        for name in TRANSACTIONS_RAW.column_names
        if any(shop.named(ANN).search(str(r[name]).encode()) for r in erased.before["bronze"])
    }
    star = {
        "ecommerce_dw.dim_customers.customer_id",
        "ecommerce_dw.dim_customers.customer_sk",
        "ecommerce_dw.fact_transactions.customer_sk",
    }

    assert listed == erased.before["columns"] | bronze | star
    assert erased.after["columns"] == set()


def test_the_run_keeps_its_proof_and_not_her_number(erased: Erasure) -> None:
    [(kept, counts, status)] = erased.warehouse.gold_rows(
        "SELECT to_jsonb(r)::text, counts, status FROM ops.runs AS r WHERE run_id = %s",
        erased.run.run_id,
    )
    checks = erased.warehouse.gold_rows(
        "SELECT passed, observed FROM ops.checks WHERE run_id = %s", erased.run.run_id
    )

    assert status == "done"
    assert ANN not in kept
    assert counts["found"] == {
        "gold_lines": 3, "gold_customers": 1, "gold_sums": 1, "gold_errors": 3, "gold_remarks": 0,
        "bronze_rows": 6, "dw_customers": 1, "dw_lines": 3, "landing_files": 5,
    }  # fmt: skip
    assert set(counts["left"].values()) == {0}
    assert len(counts["left"]) == 14
    assert checks == [(True, "0")] * 14


def test_logs_do_not_name_her(erased: Erasure) -> None:
    logs = erased.warehouse.settings.home / "logs"

    assert [p.name for p in logs.iterdir() if p.is_file() and ANN.encode() in p.read_bytes()] == []


def test_files_that_are_still_written_are_left_with_a_warning(erased: Erasure) -> None:
    assert [text[:28] for text in erased.run.warnings] == ["1 files in landing are still"]


def test_a_token_of_hers_opens_nothing(erased: Erasure) -> None:
    from tests.support.databases import query

    settings = erased.warehouse.settings
    token = query(settings, "SELECT ops.issue_purchase_token(%s)", ANN, role="loader")[0][0]

    assert query(settings, "SELECT * FROM purchase_history(%s)", token, role="customer") == []


def test_again_it_finds_nothing_changes_nothing_and_prints_that_proof(
    erased: Erasure,
    request_of: Callable[[str], Request],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = shop.everything(erased.warehouse, but=is_metadata)
    again = erase_customer.run(erased.warehouse.context, request_of(ANN))

    said = capsys.readouterr().out
    assert "found: nothing: it is done already" in said
    assert "searched again, 14 places: nothing found" in said
    assert ANN not in said
    assert set(again.counts["found"].values()) == {0}
    assert shop.everything(erased.warehouse, but=is_metadata) == before
    kept = "SELECT who, why, run_id FROM ops.erased_customers"
    assert erased.warehouse.gold_rows(kept) == [("dpo", "ticket 12", erased.run.run_id)]


def is_metadata(path: Path) -> bool:
    return path.parent.name == "metadata"


@pytest.mark.parametrize(
    ("customer", "why", "words"),
    [
        ("nobody-1", "ticket 13", "no store holds such a customer"),
        ("", "ticket 13", "no customer is named"),
        (BEA, " ", "--why is empty"),
        (BEA, f"{BEA} asked", "holds the customer's number"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    erased: Erasure, customer: str, why: str, words: str
) -> None:
    before = shop.everything(erased.warehouse)

    with pytest.raises(UsageError, match=words) as refused:
        erase_customer.run(erased.warehouse.context, Request(customer, "dpo", why))

    assert refused.value.exit_code == 2
    assert shop.everything(erased.warehouse) == before
    told = "SELECT count(*) FROM ops.runs AS r WHERE to_jsonb(r)::text ~ %s"
    assert erased.warehouse.gold_rows(told, customer or "^$") == [(0,)]


def test_what_is_delivered_of_her_later_is_a_guests(erased: Erasure) -> None:
    warehouse = erased.warehouse
    warehouse.deliver("transactions", FIRST, shop.first_file())
    other = [
        line("500020", customer_id=ANN, quantity=7, invoice_date=shop.APRIL),
        line("500021", customer_id=BEA, invoice_date=shop.APRIL),
        line("500022", customer_id=ANN, quantity="x", invoice_date=shop.APRIL),
    ]
    warehouse.deliver("transactions", "transactions_20250403T2000.csv", other)
    headless = shop.second_file().partition("\n")[2]
    warehouse.deliver("transactions", "transactions_20250404T0000.csv", headless)

    shop.refused(warehouse)
    loaded = warehouse.load()

    owners = {key: row[0] for key, row in shop.rows_of(warehouse).items()}
    new = {"500012-1": None, "500020-1": None, "500021-1": BEA}  # 500012 waited then
    assert owners == NEW_OWNERS | new
    assert loaded.counts["files"] == 2
    assert shop.holders(warehouse, ANN) == set()
    assert shop.columns_with(warehouse, ANN, erased_key(warehouse)) == set()


def erased_key(warehouse: Warehouse) -> int:
    return int(warehouse.gold_rows("SELECT ops.customer_key(%s)", ANN)[0][0])


def test_files_that_were_written_anew_are_known_by_what_they_were(erased: Erasure) -> None:
    warehouse = erased.warehouse
    landing = Landing(warehouse.spark, warehouse.settings.landing, "transactions")
    done = [f for f in landing.taken(Dates()) if f.name in (FIRST, SECOND, WAITING)]
    before = warehouse.gold_state()
    for file in done:
        if file.place == file.name:
            landing.put_back(file)

    ingested = warehouse.ingest()["transactions"]

    assert (ingested.counts["files"], ingested.counts["repeated_files"]) == (0, 3)
    warehouse.load()
    assert warehouse.gold_state() == before


def test_a_late_price_list_restates_her_lines_and_they_stay_a_guests(erased: Erasure) -> None:
    warehouse = erased.warehouse
    warehouse.deliver("products", "products_20250302.csv", [product(unit_price="4.00")])

    restated = warehouse.take()

    assert restated.counts["restated"] > 0
    assert shop.rows_of(warehouse)["500001-1"][:3] == (None, 2, "8.0000")
    assert shop.rows_of(warehouse)["500010-1"][:3] == (None, 4, "16.0000")


def test_an_erasure_that_died_is_made_whole_by_the_next(
    erased: Erasure, request_of: Callable[[str], Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after bronze; and bronze has a file that gold lacks."""
    warehouse = erased.warehouse
    late = [line("500030", customer_id=CLEO, invoice_date=shop.APRIL)]
    warehouse.deliver("transactions", "transactions_20250405T0000.csv", late)
    warehouse.ingest()
    before: dict[str, Any] = shop.rows_of(warehouse)

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(in_gold, "erase", die)
    with pytest.raises(RuntimeError, match="killed"):
        erase_customer.run(warehouse.context, request_of(CLEO))
    monkeypatch.undo()
    assert shop.rows_of(warehouse) == before
    assert shop.holders(warehouse, CLEO) != set()

    erase_customer.run(warehouse.context, request_of(CLEO))

    assert shop.holders(warehouse, CLEO) == set()
    assert warehouse.load().counts["loaded"] == 1
    owners = {key: row[0] for key, row in shop.rows_of(warehouse).items()}
    assert {owners["500009-1"], owners["500030-1"]} == {None}
    assert {k: r[1:] for k, r in shop.rows_of(warehouse).items() if k in before} == {
        k: r[1:] for k, r in before.items()
    }
