"""Each data check passes where all is right, and fails when its fault is there for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from psycopg2.extras import RealDictCursor

from jobs import check_data
from jobs.checks.ask import (
    Moments,
    Row,
    answers,
    judged,
    of_bronze,
    of_gold,
    show_what_gold_took,
)
from jobs.checks.files import all_checks, chosen
from jobs.common.checks import Check
from jobs.common.contracts import TRANSACTIONS_RAW, Table
from jobs.common.db import Role, connect
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.lake import iceberg_table, snapshot_id
from jobs.common.roles import administrator
from tests.checks.faults import IN_BRONZE, IN_GOLD
from tests.notify.smtp_server import smtp_server
from tests.support.warehouse import Warehouse

AT = datetime(2025, 4, 1, 4, tzinfo=UTC)
DAY_BEFORE = datetime(2025, 3, 31, 4, tzinfo=UTC)
MOMENTS = Moments(AT, DAY_BEFORE)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = {check.name for check in all_checks()}
# Of the lists, one is a month old.
STALE = {"lists_are_fresh"}


def ask(warehouse: Warehouse, cur: Any, *names: str, since: datetime = DAY_BEFORE) -> list[Check]:
    wanted = chosen(all_checks(), ",".join(names))
    return [each.check for each in answers(warehouse.spark, cur, wanted, Moments(AT, since))]


@contextmanager
def broken(warehouse: Warehouse, *statements: str, role: Role = "owner") -> Iterator[Any]:
    """Gold with something broken, seen from inside the transaction that breaks it."""
    settings = warehouse.settings
    is_admin = role == "admin"  # whom no job is: triggers are his to turn off
    opened = (
        administrator(settings, settings.gold_db) if is_admin else closing(connect(settings, role))
    )
    with opened as conn:
        conn.autocommit = False
        with conn.cursor(cursor_factory=RealDictCursor) as cur:
            for statement in statements:
                cur.execute(statement)
            yield cur
        conn.rollback()


@contextmanager
def spoilt(warehouse: Warehouse, table: Table, statement: str) -> Iterator[Any]:
    """Bronze with something broken in a commit of its own, which is taken back."""
    before = snapshot_id(warehouse.spark, table)
    warehouse.spark.sql(statement)
    try:
        with broken(warehouse) as cur:
            yield cur
    finally:
        iceberg = iceberg_table(warehouse.spark, table)
        iceberg.manageSnapshots().rollbackTo(before).commit()
        warehouse.spark.catalog.refreshTable(table.full_name)


# ---- all is right -------------------------------------------------------------------------


def test_every_check_passes_where_all_is_right(right: Warehouse, tmp_path: Path) -> None:
    junit = tmp_path / "reports" / "checks.xml"

    found = check_data.run(right.context, AT, now=NOW, only=None, junit=junit)

    assert {each.check.name for each in found} == NAMES
    assert {each.check.name for each in found if not each.check.passed} == STALE
    kept = "SELECT check_name FROM ops.checks AS c JOIN ops.runs AS r USING (run_id)"
    rows = right.gold_rows(f"{kept} WHERE r.job = 'check_data' AND c.passed")
    assert {row[0] for row in rows} == NAMES - STALE
    suite = ElementTree.parse(junit).getroot()
    assert {case.get("name") for case in suite} == NAMES
    assert [case.get("name") for case in suite if case.find("failure") is not None] == [*STALE]
    figures = {each.check.name: each.check.expected.partition(", hash")[0] for each in found}
    assert figures["reconcile_files"] == "files 3, lines 9"
    assert figures["reconcile_errors"] == "errors 4"
    # 2 x 2.50 + 2 x 3.00 + 2 x 3.00 - 3 x 1.00
    assert figures["reconcile_lines"] == "lines 4, units 3, amount 14"


def test_files_that_wait_for_a_load_are_not_missing(right: Warehouse) -> None:
    row = (
        f"INSERT INTO {TRANSACTIONS_RAW.full_name} SELECT 'x', line_no, stock_code, quantity,"
        " invoice_date, customer_id, country, problem, raw_fields, raw_bytes, window_start,"
        f" 'transactions_20250401T0000.csv', 2, repeat('e', 64), batch_id"
        f" FROM {TRANSACTIONS_RAW.full_name} WHERE invoice_no = 'guest'"
    )
    with spoilt(right, TRANSACTIONS_RAW, row) as cur:
        checks = ask(right, cur, "reconcile_files")
        cur.execute("UPDATE ops.watermarks SET snapshot_id = 1")  # one that was expired
        checks += ask(right, cur, "reconcile_lines", "reconcile_files")

    assert [check.passed for check in checks] == [True] * 3


def test_a_line_that_a_person_put_aside_is_not_missing(right: Warehouse) -> None:
    aside = (
        "UPDATE transactions_error SET status = 'DISCARDED' WHERE 'unknown_country' = ANY(rules)"
    )
    with broken(right, aside) as cur:
        checks = ask(right, cur, "reconcile_lines", "reconcile_errors")

    assert [check.passed for check in checks] == [True, True]
    assert checks[0].observed.startswith("errors 2,")


def test_gold_that_has_taken_nothing_is_held_against_nothing(right: Warehouse) -> None:
    emptied = [f"DELETE FROM {name}" for name in (
        "ops.watermarks", "fact_transactions", "transactions_error", "ops.loaded_files",
        "dim_products", "dim_countries",
    )]  # fmt: skip
    with broken(right, *emptied) as cur:
        checks = ask(right, cur, "reconcile_lines", "reconcile_files", "reconcile_products")
    assert [check.passed for check in checks] == [True] * 3


# ---- gold is broken -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def bronze_says(right: Warehouse) -> dict[str, Row]:
    """The figures of bronze, asked once: these faults are in gold."""
    with broken(right) as cur:
        show_what_gold_took(right.spark, cur)
    return {
        check.name: of_bronze(right.spark, check.bronze, MOMENTS)
        for check in all_checks()
        if check.kind == "reconcile"
    }


@pytest.mark.parametrize(("name", "statement"), IN_GOLD)
def test_what_is_broken_in_gold_is_found(
    right: Warehouse, bronze_says: dict[str, Row], name: str, statement: str
) -> None:
    (file,) = chosen(all_checks(), name)
    with broken(right, statement, role="admin") as cur:
        check = judged(file, of_gold(cur, file.gold, MOMENTS), bronze_says.get(name))

    assert not check.passed, check


@pytest.mark.parametrize(
    "name", ["transactions_are_fresh", "lists_are_fresh", "bronze_transactions_are_fresh"]
)
def test_what_is_old_is_found_by_the_moment_that_is_given(right: Warehouse, name: str) -> None:
    with broken(right) as cur:
        (fresh,) = ask(right, cur, name, since=datetime(2025, 3, 1, tzinfo=UTC))
        (old,) = ask(right, cur, name, since=datetime(2025, 4, 1, 0, 1, tzinfo=UTC))

    assert (fresh.passed, old.passed, old.severity) == (True, False, "warn")


def test_every_check_of_gold_is_seen_to_fail() -> None:
    seen = {name for name, _ in IN_GOLD} | {name for name, *_ in IN_BRONZE}
    assert seen | {name for name in NAMES if name.endswith("_fresh")} == NAMES


# ---- bronze is broken ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "table", "statement"), IN_BRONZE)
def test_what_is_broken_in_bronze_is_found(
    right: Warehouse, name: str, table: Table, statement: str
) -> None:
    with spoilt(right, table, statement) as cur:
        (check,) = ask(right, cur, name)

    assert not check.passed, check


# ---- the run ------------------------------------------------------------------------------


def test_a_failed_check_ends_with_1_and_is_mailed_once(right: Warehouse) -> None:
    right.gold_rows("UPDATE dim_dates SET weekday = 'Caturday' WHERE day = 3")
    with smtp_server() as inbox:
        context = replace(right.context, settings=right.settings.model_copy(update=inbox.settings))
        for _ in range(2):
            with pytest.raises(WarehouseError, match="1 data checks failed: dates_are_right") as it:
                check_data.run(context, AT, now=NOW, only="dates_are_right", junit=None)
            assert it.value.exit_code == 1
        right.gold_rows("UPDATE dim_dates SET weekday = trim(to_char(date, 'Day'))")
        check_data.run(context, AT, now=NOW, only="dates_are_right", junit=None)

    ours = [m for m in inbox.messages if "check" in str(m["Subject"])]
    assert len(ours) == 1
    text = " ".join(str(ours[0].get_body(("plain",)).get_content()).split())  # type: ignore[union-attr]
    assert "dates_are_right · failed Found: 2, such as 2025-03-03. Expected: 0 days." in text
    counts = "SELECT counts->>'told' FROM ops.runs WHERE job = 'check_data' ORDER BY run_id DESC"
    assert right.gold_rows(f"{counts} LIMIT 3") == [("0",), ("0",), ("1",)]


def test_a_dry_run_says_it_and_keeps_nothing(
    right: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = "SELECT count(*) FROM ops.checks"
    before = right.gold_rows(kept)

    context = replace(right.context, dry_run=True)
    check_data.run(context, NOW, now=NOW, only="transactions_are_fresh", junit=None)

    assert right.gold_rows(kept) == before
    assert (
        "warn  transactions_are_fresh: 2025-04-01 00:00 instead of 2029-12-31 00:00 or later"
        in capsys.readouterr().out
    )


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(UsageError, match="no such check: x"):
        chosen(all_checks(), "dates_are_right, x")


def test_a_new_check_is_a_file_that_says_what_it_is(tmp_path: Path) -> None:
    place = tmp_path / "gold"
    place.mkdir()
    (place / "new.sql").write_text("-- Check: a\n-- Severity: warn\n-- Why: b\nSELECT 1")
    assert [(c.name, c.severity, c.what) for c in all_checks(tmp_path)] == [("new", "warn", "a")]

    (place / "new.sql").write_text("-- Check: a\n-- Severity: maybe\n-- Why: b\nSELECT 1")
    with pytest.raises(WarehouseError, match="the check new does not say what it is"):
        all_checks(tmp_path)


def test_a_pair_has_both_sides(tmp_path: Path) -> None:
    (tmp_path / "reconcile" / "bronze").mkdir(parents=True)
    (tmp_path / "reconcile" / "bronze" / "half.sql").write_text("SELECT 1")
    with pytest.raises(WarehouseError, match="one side of a check is missing"):
        all_checks(tmp_path)
