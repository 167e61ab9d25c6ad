"""The load's one transaction, staged by hand: nothing by halves."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2 import errors

from jobs.common.errors import WarehouseError
from jobs.common.runlog import Run, run_context
from jobs.gold.merge import merge
from jobs.gold.postgres_load_fact import load
from jobs.gold.staged import Staged
from tests.gold.loads import A1, B2, FEBRUARY, FRANCE, GERMANY, File, Loads, Row, bad, line, product
from tests.support.databases import query


def failing(loads: Loads, change: Any, **more: Any) -> str:
    """A load whose staging is not what bronze has; gives the error's words."""
    with pytest.raises(WarehouseError) as refused:
        with run_context(loads.settings, "fact_postgres", ("gold",)) as run:
            staged = loads.stage(run, File("b", [line("5-1"), line("6-1")]), **more)
            change(run, staged)
            load(run, staged)
    return str(refused.value)


def test_when_a_line_of_bronze_is_not_staged_nothing_is_published(loads: Loads) -> None:
    loads.take(File("a", [line()]), snapshots={"x": 1})
    before, versions = loads.state(), loads.row_versions()

    def lose_a_line(run: Run, staged: Staged) -> None:
        with run.conn, run.conn.cursor() as cur:
            cur.execute(f"DELETE FROM staging.lines_{run.run_id} WHERE transaction_id = '5-1'")

    told = failing(loads, lose_a_line, snapshots={"x": 2})

    assert "staged_all_of_bronze: 1 instead of 2" in told
    assert (loads.state(), loads.row_versions()) == (before, versions)
    assert loads.ask("SELECT count(*) FROM ops.loaded_files") == [(1,)]
    assert loads.ask("SELECT snapshot_id FROM ops.watermarks") == [(1,)]
    assert loads.ask(
        "SELECT r.status, c.severity, c.passed, c.observed, c.expected FROM ops.checks AS c"
        " JOIN ops.v_runs AS r USING (run_id)"
        " WHERE c.check_name = 'staged_all_of_bronze' ORDER BY c.run_id"
    ) == [("done", "fail", True, "1", "1"), ("failed", "fail", False, "1", "2")]


def test_a_failed_load_leaves_no_month_behind(loads: Loads) -> None:
    def one_more(run: Run, staged: Staged) -> None:
        staged.files.append(File("c", [line()]).source)

    failing(loads, one_more)
    assert loads.ask("SELECT to_regclass('fact_transactions_2011_01')") == [(None,)]

    loads.reference = {"products": [A1, B2], "countries": [FRANCE, GERMANY]}
    loads.take(File("b", [line("5-1"), line("6-1")]))
    assert [row[0] for row in loads.facts()] == ["5-1", "6-1"]


def test_a_withdrawn_version_that_reaches_into_the_next_is_not_published(loads: Loads) -> None:
    overlap = [
        product(1, "A1", "2010-01-01", "2011-01-10", withdrawn=True),
        product(3, "A1", "2011-01-05"),
        B2,
    ]

    told = failing(loads, lambda run, staged: None, products=overlap)

    assert "product_versions_do_not_overlap: 1 instead of 0" in told
    assert loads.ask("SELECT count(*) FROM dim_products") == [(0,)]


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({"products": [A1, B2, product(1, "D4", "2010-01-01")]}, [line()]),
        ({}, [line("1-1"), line("2-1") | {"customer_id": "C9"}]),
    ],
    ids=["products", "customers"],
)
def test_two_members_with_one_key_are_a_collision(
    loads: Loads, more: dict[str, Any], lines: list[Row]
) -> None:
    with pytest.raises(errors.UniqueViolation):
        loads.take(File("a", lines), **more)

    assert loads.facts() == []


def test_readers_see_the_old_state_and_never_wait(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("2-1")]))
    before = loads.state()
    late = File("b", [line("1-1", quantity=9), bad("2-1"), line("3-1", invoice_date=FEBRUARY)],
                "2011-01-05T12:00")  # fmt: skip

    with run_context(loads.settings, "fact_postgres", ("gold",)) as run:
        staged = loads.stage(run, late, products=[A1, B2])
        with run.conn.cursor() as cur:
            merge(cur, run, staged)
            read = "SET statement_timeout = '5s'; SELECT count(*), sum(f.quantity) FROM"
            star = "fact_transactions AS f JOIN dim_products USING (product_sk)"
            dates = "JOIN dim_dates USING (date_sk) JOIN dim_customers USING (customer_sk)"
            seen = query(loads.settings, f"{read} {star} {dates}", role="reader")
            during = loads.state()
            run.conn.rollback()

    assert seen == [(2, 8)]
    assert during == before
