"""The sums that Postgres keeps for the views are those of the lines, whatever happens to these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from psycopg2.extras import execute_values

from jobs.common.db import connect
from jobs.common.settings import Settings
from jobs.gold import merge
from tests.gold.line_steps import CUSTOMERS, REGIONS, STEPS, UPSERT, a_line, sell
from tests.gold.loads import EMPTY, File, Loads, Row, line, product
from tests.support.databases import Rows, query

LINES = (
    "SELECT f.date_sk, p.stock_code, p.category, f.customer_sk, f.country_sk, f.quantity,"
    " f.total_amount FROM fact_transactions AS f JOIN dim_products AS p USING (product_sk)"
)


def expected(lines: Rows) -> dict[str, Any]:
    """What the views say of these lines, by adding them up one by one."""
    months: dict[date, list[Any]] = defaultdict(lambda: [Decimal(0), 0, 0])
    sales: dict[date, int] = defaultdict(int)
    categories: dict[str | None, list[Any]] = defaultdict(lambda: [Decimal(0), 0])
    buyers: dict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    days: dict[date, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    for date_sk, _, category, customer, country, quantity, total in lines:
        month = date(date_sk // 10_000, date_sk // 100 % 100, 1)
        months[month] = [a + b for a, b in zip(months[month], (total, 1, quantity), strict=True)]
        categories[category] = [categories[category][0] + total, categories[category][1] + quantity]
        day = days[month.replace(day=date_sk % 100)]
        day[0] += 1
        day[1 if quantity > 0 else 2] += total if quantity > 0 else -total
        if quantity > 0:
            sales[month] += 1
        if customer != -1:
            buyers[REGIONS[country], CUSTOMERS[customer]] += total
    return {
        "v_revenue_by_month": {(month, *sums) for month, sums in months.items()},
        "v_sales_by_category": {(category, *sums) for category, sums in categories.items()},
        "v_top_buyers_by_region": set(ranked(buyers)),
        "ops.sales_by_day WHERE lines <> 0": {(day, *sums) for day, sums in days.items()},
        "v_anomaly_coverage": {(month, n, 0, n, 0) for month, n in sales.items()},
    }


def ranked(buyers: dict[Any, Decimal]) -> Iterator[tuple[Any, ...]]:
    by_region = sorted(buyers.items(), key=lambda each: (each[0][0] or "", -each[1], each[0][1]))
    for region, group in groupby(by_region, key=lambda each: each[0][0]):
        for rank, ((_, customer), revenue) in enumerate(group, start=1):
            yield region, rank, customer, revenue


def views(settings: Settings) -> dict[str, Any]:
    names = ("v_revenue_by_month", "v_sales_by_category", "v_top_buyers_by_region",
             "ops.sales_by_day WHERE lines <> 0", "v_anomaly_coverage")  # fmt: skip
    with closing(connect(settings, "reader")) as conn, conn, conn.cursor() as cur:
        found = {}
        for name in names:
            cur.execute(f"SELECT * FROM {name}")
            rows = cur.fetchall()
            assert len(rows) == len(set(rows))
            found[name] = set(rows)
    return found


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    return gold_settings


def begin(gold: Settings) -> None:
    """Two codes of two versions each, two empty months."""
    query(gold, EMPTY)
    query(
        gold,
        "INSERT INTO dim_products (product_sk, stock_code, category, unit_price, effective_date,"
        " end_date, is_current, withdrawn)"
        " SELECT 2 * code + version, 'P' || code, 'Kitchen', 1,"
        " CASE version WHEN 0 THEN '2010-01-01' ELSE '2010-06-01' END::date,"
        " CASE version WHEN 0 THEN '2010-06-01'::date END, version = 1, FALSE"
        " FROM generate_series(0, 1) AS code CROSS JOIN generate_series(0, 1) AS version;"
        "INSERT INTO dim_customers VALUES (1, 'C1'), (2, 'C2'), (3, 'C3');"
        "INSERT INTO dim_dates SELECT to_char(d, 'YYYYMMDD')::int, d, 2011, 1,"
        " extract(MONTH FROM d), '', 1, '', FALSE"
        " FROM generate_series('2011-01-01'::timestamp, '2011-03-31', interval '1 day') AS d;"
        "SELECT ops.create_fact_month(m), ops.attach_fact_month(m)"
        " FROM unnest('{2011-01-01,2011-02-01}'::date[]) AS m",
    )
    with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
        rows = [(key, key, f"country {key}", region) for key, region in REGIONS.items()]
        execute_values(
            cur,
            "INSERT INTO dim_countries (country_sk, country_id, country, region) VALUES %s",
            rows,
        )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25)
def test_the_views_say_what_the_lines_add_up_to_after_any_history(
    gold: Settings, seed: int
) -> None:
    begin(gold)
    chance = Random(seed)
    with closing(connect(gold)) as conn:
        for step in chance.choices(STEPS, k=10):
            with conn, conn.cursor() as cur:
                step(cur, chance)
            assert views(gold) == expected(query(gold, LINES)), step.__name__


# Whatever their size, tables are read by several processes.
BY_SEVERAL = (
    "SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;"
    " SET max_parallel_workers_per_gather = 2"
)
WORKERS = (
    "SELECT parallel_workers_launched FROM pg_stat_database WHERE datname = current_database()"
)


@pytest.mark.parametrize("several", [False, True], ids=["by one", "by several"])
def test_months_built_aside_around_others_are_counted_once(gold: Settings, several: bool) -> None:
    begin(gold)
    workers = query(gold, WORKERS)
    new = ["2010-11-01", "2010-12-01", "2011-03-01"]
    chance = Random(14)
    query(
        gold,
        "INSERT INTO dim_dates SELECT to_char(d, 'YYYYMMDD')::int, d, 2010, 4,"
        " extract(MONTH FROM d), '', 1, '', FALSE"
        " FROM generate_series('2010-11-01'::timestamp, '2010-12-31', interval '1 day') AS d",
    )
    with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
        for _ in range(5):
            sell(cur, chance)
    with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
        if several:
            cur.execute(BY_SEVERAL)
        cur.execute("SELECT ops.create_fact_months(%s::date[])", (new,))
        rows = {(r[0], r[6]): r for r in (a_line(chance, day) for day in new * 15)}
        execute_values(cur, "INSERT INTO staging.new_months VALUES %s", list(rows.values()))
        cur.execute("SELECT ops.attach_fact_months(%s::date[])", (new,))

    lines = query(gold, LINES)

    assert len({row[0] // 100 for row in lines}) == 5
    assert views(gold) == expected(lines)
    assert (query(gold, WORKERS) > workers) is several


def test_sums_that_were_damaged_are_computed_anew(gold: Settings) -> None:
    begin(gold)
    with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
        sell(cur, Random(1))
    query(gold, "DELETE FROM ops.sales_by_month; UPDATE ops.sales_by_buyer SET revenue = 1")

    query(gold, "SELECT ops.rebuild_sums()", role="loader")

    assert views(gold) == expected(query(gold, LINES))


@pytest.mark.parametrize("table", ["ops.sales_by_month", "ops.sales_by_buyer"])
def test_nobody_writes_sums_but_postgres(gold: Settings, table: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        query(gold, f"DELETE FROM {table}", role="loader")


def test_a_day_of_another_month_than_the_lines_is_refused(gold: Settings) -> None:
    begin(gold)
    row = list(a_line(Random(1), "2011-01-01"))
    row[4] = 20110201
    with pytest.raises(CheckViolation, match="fact_transactions_2011_01_days"):
        with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
            execute_values(cur, UPSERT, [row])


@pytest.mark.parametrize(
    ("condition", "months"),
    [
        ("f.date_sk = 20110115", ["2011_01"]),
        ("f.date_sk BETWEEN 20110201 AND 20110228", ["2011_02"]),
        ("f.date_sk >= 20110201", ["2011_02"]),
        ("f.date_sk IN (20110101, 20110131)", ["2011_01"]),
        ("f.invoice_date >= '2011-02-01Z' AND f.invoice_date < '2011-03-01Z'", ["2011_02"]),
        ("f.quantity > 0", ["2011_01", "2011_02"]),
    ],
)
def test_a_filter_on_days_reads_their_months_alone(
    gold: Settings, condition: str, months: list[str]
) -> None:
    begin(gold)
    plan = query(gold, f"EXPLAIN SELECT * FROM fact_transactions AS f WHERE {condition}")

    read = {m for m in ("2011_01", "2011_02") if f"fact_transactions_{m}" in str(plan)}
    assert sorted(read) == months


# ---- a load ---------------------------------------------------------------------------------


def the_check(loads: Loads) -> Rows:
    return loads.ask(
        "SELECT severity, passed, observed FROM ops.checks"
        " WHERE check_name = 'sums_are_of_the_lines' ORDER BY run_id"
    )


def test_a_load_says_whether_the_sums_of_what_it_changed_are_right(gold: Settings) -> None:
    query(gold, EMPTY)
    loads = Loads(gold)
    loads.take(File("a", [line("1-1"), line("2-1", product_sk=2, customer_id="C2")]))
    query(gold, "UPDATE ops.sales_by_month SET units = units + 1 WHERE stock_code = 'A1'")
    query(gold, "UPDATE ops.sales_by_buyer SET revenue = 0 WHERE customer_sk = 1")

    loads.take(File("b", [line("3-1", product_sk=2, customer_id="C3")]))
    loads.take(File("c", [line("4-1")]))

    assert the_check(loads) == [("warn", True, "0"), ("warn", True, "0"), ("warn", False, "2")]


@pytest.mark.parametrize(
    ("few", "lines", "wrong"),
    [
        (1000, [line("5-1"), line("5-2", customer_id="C2")], "1"),
        (2, [line("5-1"), line("5-2", customer_id="C2")], "0"),
        (2, [line("5-1")], "1"),
    ],
    ids=["both are looked at", "who has most is not", "one is, however many lines it has"],
)
def test_of_customers_with_many_lines_no_more_than_one_is_looked_at(
    gold: Settings, monkeypatch: pytest.MonkeyPatch, few: int, lines: list[Row], wrong: str
) -> None:
    monkeypatch.setattr(merge, "LINES_SAMPLED", few)
    query(gold, EMPTY)
    loads = Loads(gold)
    loads.take(File("a", [line(f"{n}-1") for n in range(4)]))
    query(gold, "UPDATE ops.sales_by_buyer SET revenue = 0 WHERE customer_sk = 1")

    loads.take(File("b", lines))

    assert the_check(loads)[-1][2] == wrong


def test_a_corrected_category_takes_its_lines_along(gold: Settings) -> None:
    query(gold, EMPTY)
    loads = Loads(gold)
    loads.take(File("a", [line("1-1"), line("2-1", product_sk=2)]))

    loads.take(
        products=[product(1, "A1", "2010-01-01", category="Garden"), product(2, "B2", "2010-01-01")]
    )

    assert loads.ask("SELECT category, units FROM v_sales_by_category ORDER BY 1") == [
        ("Garden", 4),
        ("Kitchen", 4),
    ]
