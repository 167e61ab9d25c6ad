"""A Postgres that is up and lets nobody in: a run stops until later, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from psycopg2 import sql

from jobs.common.errors import TransientError
from jobs.common.job import exit_code_of
from jobs.common.roles import administrator
from jobs.gold import postgres_load_fact
from tests.crashes.drivers import Driver
from tests.crashes.steps import by_tasks
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

DAY = "2025-03-01 10:00:00"
LATER = TransientError.exit_code
LOADED = "SELECT invoice_no FROM fact_transactions ORDER BY 1"
STAGING = "SELECT tablename FROM pg_tables WHERE schemaname = 'staging' AND tablename ~ '[0-9]$'"


@contextmanager
def letting_nobody_in(warehouse: Warehouse) -> Iterator[None]:
    """No new connection is taken; those that are open go on."""
    name = sql.Identifier(warehouse.settings.gold_db)
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with administrator(warehouse.settings, "postgres") as admin, admin.cursor() as cur:
        cur.execute(limit.format(name, sql.Literal(0)))
        try:
            yield
        finally:
            cur.execute(limit.format(name, sql.Literal(-1)))


@pytest.fixture
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """One line in gold, one in bronze."""
    warehouse = new_warehouse()
    warehouse.deliver("products", "products_20250301.csv", [product()])
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    for number, window in (("1", "T0800"), ("2", "T1200")):
        name = f"transactions_20250301{window}.csv"
        warehouse.deliver("transactions", name, [line(number, invoice_date=DAY)])
        warehouse.ingest()
        if number == "1":
            warehouse.load()
    return warehouse


@pytest.mark.spark
def test_a_run_that_is_not_let_in_says_so(
    shop: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    with letting_nobody_in(shop):
        assert exit_code_of(lambda: postgres_load_fact.run(shop.context)) == LATER

    said = capfd.readouterr().err
    assert "cannot log in to Postgres as loader: " in said
    assert "too many connections" in said
    assert "Traceback" not in said
    shop.load()
    assert shop.gold_rows(LOADED) == [("1",), ("2",)]


@pytest.mark.spark
def test_a_load_whose_tasks_are_not_let_in_changes_nothing(shop: Warehouse) -> None:
    step = partial(by_tasks, "fact_postgres")
    load = Driver(shop.spark, shop.settings, step, pause_at="before the copy into staging")
    assert load.wait_for_pause()
    with letting_nobody_in(shop):
        ended = load.end()

    assert ended.code == LATER
    assert "too many connections" in ended.words
    assert shop.gold_rows(LOADED) == [("1",)]
    shop.load()
    assert shop.gold_rows(LOADED) == [("1",), ("2",)]
    assert shop.gold_rows(STAGING) == []
