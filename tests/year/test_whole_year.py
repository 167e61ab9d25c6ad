"""The real year through the jobs: every figure of the answers, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from generators.replay import landing_files
from jobs.analytics import detect_anomalies
from jobs.gold import load_dw
from tests.support import databases
from tests.support.answers import COUNTS, MONEY, Answers, money, read
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse


@pytest.fixture(scope="module")
def answers(real_year: Path) -> Answers:
    return read(real_year)


@pytest.fixture(scope="module")
def year(
    new_warehouse: Callable[..., Warehouse], real_year: Path, compiled: None
) -> Iterator[Warehouse]:
    """A warehouse that has taken the whole year in one go."""
    warehouse = new_warehouse()
    for file in landing_files(real_year / "online_retail.csv.xz", real_year / "countries.csv"):
        warehouse.deliver(file.kind, file.name, file.content)
    warehouse.take()
    detect_anomalies.run(warehouse.context)
    load_dw.run(warehouse.context)
    yield warehouse


def one(warehouse: Warehouse, statement: str) -> Any:
    return warehouse.gold_rows(statement)[0][0]


@pytest.mark.parametrize(("answer", "statement"), COUNTS)
def test_counts(year: Warehouse, answers: Answers, answer: str, statement: str) -> None:
    assert one(year, statement) == answers[answer]


def test_money(year: Warehouse, answers: Answers) -> None:
    assert money(year.gold_rows) == {name: answers[name] for name in MONEY}


def test_views_agree_with_the_fact_on_revenue(year: Warehouse, answers: Answers) -> None:
    by_category = one(year, "SELECT sum(revenue) FROM v_sales_by_category")
    history = one(year, "SELECT count(*) FROM v_purchase_history")
    assert by_category == Decimal(answers["revenue"])
    assert history == answers["fact_rows"] - answers["guest_rows"]


def comparable(rows: Rows) -> list[str]:
    """Sorted, times in UTC without saying so, as Spark gives them."""
    plain = [[v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in r] for r in rows]
    return sorted(map(repr, plain))


def test_the_star_in_the_lake_is_the_star_in_gold(year: Warehouse, answers: Answers) -> None:
    for table in load_dw.DIMENSIONS:
        columns = ", ".join(table.column_names)
        gold = year.gold_rows(f"SELECT {columns} FROM {table.name}")
        assert comparable(gold) == comparable(year.bronze(table)), table.name
    fact = year.spark.table("ecommerce_dw.fact_transactions")
    row = fact.selectExpr("count(*)", "sum(total_amount)", "count(DISTINCT product_sk)").first()
    expected = year.gold_rows(
        "SELECT count(*), sum(total_amount), count(DISTINCT product_sk) FROM fact_transactions"
    )
    assert tuple(row) == expected[0]


def test_again_nothing_is_new(year: Warehouse) -> None:
    written = "SELECT max(xmin::text::bigint), count(*) FROM fact_transactions"
    before = year.gold_rows(written)

    year.take()
    found = detect_anomalies.run(year.context)
    dw = load_dw.run(year.context)

    assert year.gold_rows(written) == before
    assert found.counts.get("newly_flagged", 0) == 0
    assert dw.counts["months"] == 0


def test_anomalies_by_the_whole_history_in_a_second_gold(year: Warehouse, answers: Answers) -> None:
    second = databases.make(year.settings).model_copy(update={"anomaly_baseline": "all"})
    other = Warehouse(year.context.__class__(second, year.spark), year.landing)
    try:
        other.load()
        detect_anomalies.run(other.context)
        flagged = one(other, "SELECT count(*) FROM anomalies WHERE still_flagged")
        unscored = one(other, "SELECT sum(unscored) FROM v_anomaly_coverage")
    finally:
        other.close()
    assert flagged == answers["anomalies_whole_history"]
    assert unscored == answers["unscored_whole_history"]
