"""What a load looks at does not grow with what gold holds: told by rows and plans, not time."""

from __future__ import annotations

import re
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.common.dates import bounds
from jobs.common.db import run_file, sql_file
from jobs.common.runlog import run_context
from jobs.common.settings import Settings
from jobs.gold import held as held_lines
from jobs.gold import merge
from jobs.gold.held import find_held
from jobs.gold.merge import open_views
from tests.gold.loads import A1, B2, EMPTY, FEBRUARY, FRANCE, File, Loads, bad, line, product
from tests.support.databases import query

MONTHS = tuple(date(2011, month, 1) for month in (1, 2, 3))
LATER = "2011-03-30T00:00"


def numbered(first: int, month: int, count: int = 20, **changed: Any) -> list[dict[str, Any]]:
    """Lines with rising invoice numbers, in one month of 2011."""
    moment = f"2011-{month:02d}-10 09:00+00"
    return [line(f"{first + n}-1", invoice_date=moment, **changed) for n in range(count)]


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    """Three months, invoice numbers rising from 500000, 510000, 520000 on."""
    query(gold_settings, EMPTY)
    loads = Loads(gold_settings, {"products": [A1, B2], "countries": [FRANCE]})
    for n, letter in enumerate("abc"):
        lines = numbered(500_000 + 10_000 * n, n + 1)
        loads.take(File(letter, lines, f"2011-{n + 1:02d}-10T08:00"))
    return loads


def held(loads: Loads, *lines: dict[str, Any]) -> tuple[list[date], set[tuple[str, date]]]:
    """Months that are looked at for these lines, and the lines found, with their months."""
    with run_context(loads.settings, "fact_postgres", ("gold",)) as run:
        staged = loads.stage(run, File("f", lines, LATER))
        with run.conn, run.conn.cursor() as cur:
            open_views(cur, run, staged)
            months = find_held(cur, staged.line_count)
            cur.execute(
                "SELECT transaction_id, date_trunc('month', invoice_date)::date FROM held"
                " WHERE place = 'fact'"
            )
            found = set(cur.fetchall())
            run.conn.rollback()
    return months, found


def test_only_months_that_hold_numbers_like_these_are_looked_at(loads: Loads) -> None:
    assert held(loads, line("520020-1"), line("520021-1")) == ([], set())
    assert held(loads, line("520019-1"), line("520020-1")) == (
        [MONTHS[2]],
        {("520019-1", MONTHS[2])},
    )
    both = held(loads, line("500003-1"), line("520003-1"))
    assert both == (
        [MONTHS[0], MONTHS[2]],
        {("500003-1", MONTHS[0]), ("520003-1", MONTHS[2])},
    )
    assert held(loads, line("C500003-1")) == ([], set())


@pytest.mark.parametrize("few", [100_000, 1], ids=["looked up", "read once"])
def test_errors_are_found_however_many_lines_are_staged(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    loads.take(File("d", [bad(f"{n}-1", "malformed_row") for n in (700_000, 700_001)], LATER))
    monkeypatch.setattr(held_lines, "FEW", few)

    with run_context(loads.settings, "fact_postgres", ("gold",)) as run:
        staged = loads.stage(run, File("f", [line("700001-1"), line("700002-1")], LATER))
        with run.conn, run.conn.cursor() as cur:
            open_views(cur, run, staged)
            find_held(cur, staged.line_count)
            cur.execute("SELECT transaction_id, error_status FROM held WHERE place = 'error'")
            found = cur.fetchall()
            run.conn.rollback()

    assert found == [("700001-1", "OPEN")]


def test_a_line_that_moved_is_found_where_it_is_now(loads: Loads) -> None:
    moved = line("500003-1", invoice_date="2011-03-01 00:00+00")
    loads.take(File("d", [moved], "2011-03-10T12:00"))

    assert held(loads, line("500003-1"))[1] == {("500003-1", MONTHS[2])}


IDS = ("536365-1", "536365-2", "536365-10", "99-1", "100-1", "C536365-1", "a-b-1", "Ω9-1", "é-1")


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_whatever_the_numbers_all_that_gold_has_of_them_is_found(
    gold_settings: Settings, seed: int
) -> None:
    query(gold_settings, EMPTY)
    chance = Random(seed)
    ids = {*IDS, *(f"{chance.randrange(10 ** chance.randrange(1, 9))}-1" for _ in range(60))}
    place = {each: chance.choice(MONTHS) for each in sorted(ids) if chance.random() < 0.7}
    lines = [line(key, invoice_date=f"{month} 00:00+00") for key, month in place.items()]
    loads = Loads(gold_settings, {"products": [A1, B2], "countries": [FRANCE]})
    loads.take(File("a", lines))
    sought = chance.sample(sorted(ids), chance.randrange(1, len(ids)))

    months, found = held(loads, *(line(key) for key in sought))

    assert found == {(key, place[key]) for key in sought if key in place}
    assert {month for _, month in found} <= set(months)


@pytest.mark.parametrize(
    "name", ["load/16_held_of_month.sql", "load/33_replaced.sql", "load/95_sums_lines.sql"]
)
def test_a_months_statement_is_planned_for_that_month_alone(loads: Loads, name: str) -> None:
    text = re.sub(r"^--.*$", "", sql_file(name), flags=re.MULTILINE)
    with run_context(loads.settings, "fact_postgres", ("gold",)) as run:
        staged = loads.stage(run, File("f", [line("1-1")], LATER))
        with run.conn, run.conn.cursor() as cur:
            open_views(cur, run, staged)
            find_held(cur, staged.line_count)
            run_file(cur, "load/20_resolve.sql", {"batch_id": run.run_id, "forced": False})
            run_file(cur, "load/22_winners.sql", {"any_lost": False})
            run_file(cur, "load/94_sums_sampled.sql", {"batch_id": run.run_id})
            plan = ""
            for statement in text.rstrip().rstrip(";").split(";\n"):
                cur.execute("EXPLAIN " + statement, bounds(MONTHS[1]))
                plan += "\n".join(row[0] for row in cur.fetchall())
            run.conn.rollback()
    assert set(re.findall(r"fact_transactions_\d{4}_\d\d(?!\d)", plan)) == {
        "fact_transactions_2011_02"
    }


def test_the_fact_is_not_asked_for_lines_that_went_when_none_did(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list[str]()

    def noted(cur: Any, name: str, params: Any = None) -> None:
        names.append(name)
        run_file(cur, name, params)

    monkeypatch.setattr(merge, "run_file", noted)

    loads.take(File("d", numbered(530_000, 3), LATER))
    assert "load/33_replaced.sql" not in names

    moved = [line(key, invoice_date=FEBRUARY) for key in ("500000-1", "520000-1")]
    loads.take(File("e", moved, "2011-03-30T04:00"))
    assert names.count("load/33_replaced.sql") == 2


# ---- restating ----------------------------------------------------------------------------


def test_a_price_restated_in_one_month_writes_that_month_only(loads: Loads) -> None:
    marks = "SELECT tableoid::regclass::text, transaction_id, xmin::text, ctid::text FROM"
    before = set(loads.ask(f"{marks} fact_transactions"))
    old = {**A1, "end_date": "2011-02-01", "is_current": False}
    versions = [
        {**old, "product_sk": 1},
        product(11, "A1", "2011-02-01", "2011-03-01", unit_price="9"),
        product(12, "A1", "2011-03-01"),
        B2,
    ]
    again = [
        line(f"{510_000 + n}-1", invoice_date="2011-02-10 09:00+00", product_sk=11, unit_price=9)
        for n in range(20)
    ]
    # what March holds is said by the third version by now
    march = numbered(520_000, 3, product_sk=12)
    loads.take(again=[File("b", again), File("c", march)], products=versions)
    middle = set(loads.ask(f"{marks} fact_transactions"))
    assert {row[0] for row in before - middle} == {
        "fact_transactions_2011_02",
        "fact_transactions_2011_03",
    }

    dearer = [{**row, "unit_price": 10, "total_amount": 40} for row in again]
    versions[1] = {**versions[1], "unit_price": "10"}
    run = loads.take(again=[File("b", dearer)], products=versions)

    after = set(loads.ask(f"{marks} fact_transactions"))
    assert {row[0] for row in middle - after} == {"fact_transactions_2011_02"}
    assert run.counts["restated"] == 20
    assert loads.changes(run) == [("A1", "2011-02-01", "prices")]
