"""Old months leave gold for the lake: nothing else changes, and they come back as they were."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from jobs.common.db import connect
from jobs.common.errors import TransientError, UsageError, WarehouseError
from jobs.common.settings import Settings
from jobs.gold import archive, load_dw, publish
from jobs.privacy import erase_customer
from jobs.privacy.erase_customer import Request
from tests.gold.old_months import FIRST, HISTORY, KEEP, LATE, OLDEST, STARTS, Shop, of
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow]

MARCH = date(2022, 3, 1)
Gold = dict[str, Rows]


@dataclass
class State:
    """What a shop holds at a moment, and which checks fail."""

    gold: Gold
    lake: dict[str, Rows]
    failing: list[str]
    errors: dict[str, list[str]]
    archived: Rows

    @classmethod
    def of(cls, shop: Shop) -> State:
        return cls(shop.gold(), shop.lake(), shop.failing(), shop.errors(), shop.archived())


@dataclass
class Story:
    """A shop before its months left, after that, when late files had come, and with some back."""

    before: State
    dry: Gold
    after: State
    forced: Gold
    again: dict[str, Any]
    late: State
    lines: Rows
    from_march: State
    from_january: dict[str, list[str]]
    back: State


@pytest.fixture(scope="module")
def story(new_warehouse: Callable[..., Warehouse]) -> Story:
    shop = Shop(new_warehouse(), HISTORY)
    before = State.of(shop)
    shop.archive(dry_run=True)
    dry = shop.gold()
    shop.archive()
    after = State.of(shop)
    shop.force()
    forced = shop.gold()
    again = shop.archive().counts
    shop.deliver(LATE)
    shop.live()
    late = State.of(shop)
    lines = shop.lines("early", "late", "later", "narnia", "new", "restating", "twice")
    shop.archive(MARCH)
    shop.live()
    from_march = State.of(shop)
    shop.archive(FIRST)
    from_january = shop.errors()
    shop.archive(OLDEST)
    shop.live()
    back = State.of(shop)
    return Story(*(before, dry, after, forced, again, late, lines, from_march, from_january, back))


@pytest.fixture(scope="module")
def never(story: Story, new_warehouse: Callable[..., Warehouse]) -> State:
    """The same files in a warehouse that let nothing go."""
    return State.of(Shop(new_warehouse(), HISTORY, LATE))


def since(rows: Rows, place: int, first: date = STARTS) -> Rows:
    """Rows whose column at `place` is of that day or later."""
    return [row for row in rows if _day(row[place]) >= first]


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def test_a_dry_run_changes_nothing(story: Story) -> None:
    assert story.dry == story.before.gold


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ("fact_transactions", 6),
        ("dim_dates", 1),
        ("ops.sales_by_month WHERE lines <> 0", 1),
        ("ops.sales_by_day WHERE lines <> 0", 0),
    ],
)
def test_what_is_kept_is_as_it_was_and_the_rest_is_gone(
    story: Story, table: str, place: int
) -> None:
    kept = since(story.before.gold[table], place)

    assert story.after.gold[table] == kept
    assert len(kept) < len(story.before.gold[table])


@pytest.mark.parametrize(
    "table", ["dim_products", "dim_countries", "anomalies WHERE still_flagged"]
)
def test_what_is_of_no_month_stays(story: Story, table: str) -> None:
    assert story.after.gold[table] == story.before.gold[table]


def test_who_bought_in_these_months_alone_is_no_customer_of_gold(story: Story) -> None:
    def names(state: State) -> set[str]:
        return {row[1] for row in state.gold["dim_customers"]}

    assert names(story.before) - names(story.after) == {"OLD", "LONE"}
    firsts = {row[2] for row in story.after.gold["dim_customers"] if row[2]}
    assert min(map(_day, firsts)) >= STARTS


def test_the_lake_has_all_that_it_had(story: Story) -> None:
    assert story.after.lake == story.before.lake
    gone = [OLDEST, *(date(2022, n, 1) for n in range(1, 6))]
    assert [row[0] for row in story.after.archived] == gone


@pytest.mark.parametrize("moment", ["before", "after", "late", "from_march", "back"])
def test_every_check_of_bronze_gold_and_lake_passes(story: Story, moment: str) -> None:
    assert getattr(story, moment).failing == []


def test_a_forced_load_of_everything_leaves_them_alone(story: Story) -> None:
    assert story.forced == story.after.gold


def test_again_nothing_is_due(story: Story) -> None:
    assert (story.again["months"], story.again["lines"]) == (0, 0)


def test_lines_that_come_too_late_wait_in_error(story: Story) -> None:
    assert story.before.errors == {"narnia-1": ["unknown_country"]}
    assert story.late.errors == {
        each: ["archived_month"]
        for each in ("early-1", "late-1", "later-1", "lone-1", "narnia-1", "older-1")
    }
    # what lost to an archived line is not counted when its day is priced anew
    assert story.lines == [("new", 30, 4.0), ("restating", 2, 3.3)]


def test_the_lake_has_archived_lines_as_they_were_and_all_that_they_point_to(story: Story) -> None:
    old = [row for row in story.before.lake["fact_transactions"] if row[-2:] < (2022, 6)]
    now = [row for row in story.late.lake["fact_transactions"] if row[-2:] < (2022, 6)]

    assert now == old
    for place, table in enumerate(("dim_products", "dim_customers", "dim_countries", "dim_dates")):
        members = {row[0] for row in story.late.lake[table]}
        assert {row[1 + place] for row in now} <= members, table
    spans = {row[1]: row[2:] for row in story.late.lake["dim_customers"]}
    assert list(map(_day, spans["OLD"])) == [date(2022, 2, 20)] * 2
    assert _day(spans["C1"][0]).year == 2022
    assert _day(spans["C1"][0]) < STARTS


def test_a_flag_goes_with_its_line_though_its_month_is_not_scored(story: Story) -> None:
    def flags(state: State) -> set[str]:
        return {row[0] for row in state.gold["anomalies WHERE still_flagged"]}

    assert flags(story.before) - flags(story.late) == {"flag-1"}
    assert flags(story.late) - flags(story.before) == {"new-1"}
    assert flags(story.back) - flags(story.late) == {"missed-1"}


def test_a_month_and_all_later_ones_come_back(story: Story, never: State) -> None:
    for table, place in (("fact_transactions", 6), ("dim_dates", 1)):
        expected = since(never.gold[table], place, MARCH)
        # said anew of days in June, these lines are archived yet
        found = story.from_march.gold[table]
        assert found == [row for row in expected if row[0] not in ("early-1", "lone-1")]
    assert [row[0] for row in story.from_march.archived] == [OLDEST, FIRST, date(2022, 2, 1)]
    waiting = ("early-1", "later-1", "lone-1", "older-1")
    assert story.from_march.errors == {each: ["archived_month"] for each in waiting}
    # a month between two that had lines
    assert story.from_january == {"lone-1": ["archived_month"]}


def test_with_all_of_them_back_it_is_as_if_none_had_left(story: Story, never: State) -> None:
    assert story.back.errors == never.errors == {}
    assert story.back.archived == []
    for table, rows in never.gold.items():
        assert story.back.gold[table] == rows, table
    assert never.gold["anomalies WHERE still_flagged"]
    for table, rows in never.lake.items():
        assert story.back.lake[table] == rows, table


# ---- what can go wrong: one shop, whose months stay in gold until the last test ---------------


@pytest.fixture(scope="module")
def shop(never: State, new_warehouse: Callable[..., Warehouse]) -> Shop:
    return Shop(new_warehouse(), HISTORY)


def test_a_reader_who_takes_long_is_waited_for_and_nothing_has_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "TRIES", 2)
    before = shop.gold()
    with closing(connect(shop.warehouse.settings, "analyst")) as conn, conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM fact_transactions")
        with pytest.raises(TransientError, match="someone reads the fact"):
            shop.archive()

    assert shop.gold() == before
    assert shop.archived() == []


def test_a_month_that_the_lake_cannot_be_given_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_dw, "load", lambda *_: None)  # a lake that forgets what is written
    shop.warehouse.gold_rows("UPDATE fact_transactions SET quantity = 9 WHERE invoice_no = 'early'")
    before = shop.gold()

    with pytest.raises(WarehouseError, match="2022-02 as gold does"):
        shop.archive()

    assert len(before["fact_transactions"]) - len(shop.gold()["fact_transactions"]) == 13
    assert [row[0] for row in shop.archived()] == [OLDEST, FIRST]


def test_a_month_far_ahead_does_not_let_all_others_go(shop: Shop) -> None:
    shop.warehouse.gold_rows("SELECT ops.create_fact_month('2099-01-01')")
    shop.warehouse.gold_rows("SELECT ops.attach_fact_month('2099-01-01')")
    assert shop.archive(dry_run=True).counts["months"] == 4
    shop.warehouse.gold_rows("DROP TABLE fact_transactions_2099_01")


def test_while_gold_is_behind_bronze_nothing_leaves(shop: Shop) -> None:
    name = "transactions_20240630T0000.csv"
    shop.warehouse.deliver("transactions", name, [of("waits", "2024-06-30")])
    shop.warehouse.ingest()
    with pytest.raises(TransientError, match="gold has yet to take"):
        shop.archive()
    shop.live()


def test_lines_that_are_to_be_scored_by_a_month_keep_it(shop: Shop) -> None:
    shop.warehouse.gold_rows("UPDATE fact_transactions SET quantity = 2 WHERE invoice_no = 'early'")
    shop.warehouse.gold_rows(
        "INSERT INTO ops.sales_changes (stock_code, month, batch_id, reason)"
        " SELECT 'A1', '2023-05-01', max(run_id), 'lines' FROM ops.runs"
    )
    with pytest.raises(TransientError, match="anomaly job"):
        shop.archive()
    shop.warehouse.gold_rows("DELETE FROM ops.sales_changes")


def test_what_the_lake_holds_otherwise_is_written_anew_first(shop: Shop) -> None:
    shop.warehouse.spark.sql("DELETE FROM ecommerce_dw.fact_transactions WHERE month = 4")

    run = shop.archive()

    assert run.counts["months"] == 4
    assert shop.failing() == []


def test_a_customer_is_erased_from_the_archive_too(shop: Shop) -> None:
    revenue = sum(row[9] for row in shop.lake()["fact_transactions"])

    for customer in ("OLD", "C3"):
        erase_customer.run(shop.warehouse.context, Request(customer, "tests", "ticket 7"))

    lake = shop.lake()
    assert not {"OLD", "C3"} & {row[1] for row in lake["dim_customers"]}
    assert {row[2] for row in lake["fact_transactions"]} <= {r[0] for r in lake["dim_customers"]}
    assert sum(row[9] for row in lake["fact_transactions"]) == revenue
    assert shop.failing() == []


def test_a_line_that_the_lake_lost_is_missed(shop: Shop) -> None:
    shop.warehouse.spark.sql(
        "DELETE FROM ecommerce_dw.fact_transactions WHERE transaction_id LIKE '101000-%'"
    )
    # settled by no archived line, bronze's row would have to be in error
    assert shop.failing() == ["reconcile_archive", "reconcile_errors"]


@pytest.mark.parametrize("month", [STARTS, date(2030, 1, 1)])
def test_a_month_of_gold_is_not_brought_back(shop: Shop, month: date) -> None:
    with pytest.raises(UsageError, match="gold starts with 2022-06"):
        shop.archive(month)


def test_where_baselines_are_of_the_whole_history_nothing_leaves(shop: Shop) -> None:
    context = shop.warehouse.context
    settings = context.settings.model_copy(
        update={"anomaly_baseline": "all", "gold_keep_months": KEEP - 1}
    )
    with pytest.raises(UsageError, match="ANOMALY_BASELINE"):
        shop.archive(settings=settings)


@pytest.mark.parametrize("months", [1, 24, -1])
def test_fewer_months_than_scores_need_cannot_be_asked_for(months: int) -> None:
    with pytest.raises(ValueError, match="gold_keep_months"):
        Settings(gold_keep_months=months)


def test_gold_keeps_all_months_when_nothing_is_said(shop: Shop) -> None:
    settings = shop.warehouse.context.settings.model_copy(update={"gold_keep_months": 0})
    assert (
        archive.run(type(shop.warehouse.context)(settings, shop.warehouse.spark)).counts["months"]
        == 0
    )
