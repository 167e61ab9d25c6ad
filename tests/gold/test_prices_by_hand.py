"""Prices by hand over the versions of the lists, held against each day looked at by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import check_data
from jobs.common.dates import Dates
from jobs.common.db import connect
from jobs.common.errors import UsageError
from jobs.common.prices_by_hand import OPEN, Price, Version, overlaid
from jobs.gold import amendments, correct, postgres_load_fact
from jobs.gold.amendments import Word
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

FIRST = date(2025, 3, 1)
SPAN = 24
WORD = Word("a steward", "ticket 8")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


def version(start: int, past: int | None, price: str, words: str = "MUG") -> Version:
    end = None if past is None else day(past)
    return Version("A1", words, "Kitchen", Decimal(price), day(start), end, end is None, False)


def price(first: int, last: int, amount: str) -> Price:
    return Price("A1", day(first), day(last), Decimal(amount))


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """Versions of one product, some days between them without any."""
    cuts = sorted(draw(st.sets(st.integers(1, SPAN), min_size=2, max_size=8)))
    pieces = [each for each in pairwise(cuts) if draw(st.integers(0, 3))] or [(cuts[0], cuts[1])]
    found = [
        version(start, past, draw(st.sampled_from(["1", "2"])), draw(st.sampled_from("XY")))
        for start, past in pieces
    ]
    if draw(st.booleans()):
        found[-1] = found[-1]._replace(end_date=None, is_current=True)
    return found


@st.composite
def given_prices(draw: st.DrawFn) -> list[Price]:
    """Some that do not meet."""
    cuts = sorted(draw(st.sets(st.integers(0, SPAN + 3), max_size=6)))
    return [price(a, b - 1, draw(st.sampled_from("123"))) for a, b in pairwise(cuts) if a % 3]


def by_day(versions: list[Version]) -> dict[date, tuple[object, ...]]:
    """What each day has; a day of two versions fails."""
    found: dict[date, tuple[object, ...]] = {}
    for each in versions:
        for n in range(SPAN + 5):
            if each.effective_date <= day(n) < each.past:
                assert day(n) not in found
                found[day(n)] = each.words
    return found


@given(histories(), given_prices())
def test_each_day_has_the_price_by_hand_or_what_the_lists_say(
    versions: list[Version], prices: list[Price]
) -> None:
    laid = overlaid(versions, prices)

    listed, found = by_day(versions), by_day(laid)
    for n in range(SPAN + 5):
        own = [p.unit_price for p in prices if p.first <= day(n) <= p.last]
        if own:
            assert found[day(n)][2] == own[0]
            assert found[day(n)][:2] in {words[:2] for words in listed.values()}
        else:
            assert found.get(day(n)) == listed.get(day(n))
        if day(n) in listed:
            assert found[day(n)][:2] == listed[day(n)][:2]


@given(histories(), given_prices())
def test_they_are_one_chain_of_the_fewest_versions(
    versions: list[Version], prices: list[Price]
) -> None:
    laid = overlaid(versions, prices)

    for one, following in pairwise(laid):
        assert one.effective_date < one.past <= following.effective_date
        assert one.withdrawn == (one.past < following.effective_date)
        assert one.withdrawn or one.words != following.words
    assert [each.is_current for each in laid] == [each.past == OPEN for each in laid]
    assert laid[-1].withdrawn == (laid[-1].past != OPEN)
    assert all((each.end_date is None) == (each.past == OPEN) for each in laid)


def test_days_between_have_the_words_before_them_and_those_before_all_the_first_ones() -> None:
    versions = [version(5, 8, "1", "OLD"), version(12, None, "1", "NEW")]

    laid = overlaid(versions, [price(1, 2, "9"), price(7, 12, "9")])

    assert [(v.effective_date, v.past, v.description, v.unit_price) for v in laid] == [
        (day(1), day(3), "OLD", 9),
        (day(5), day(7), "OLD", 1),
        (day(7), day(12), "OLD", 9),
        (day(12), day(13), "NEW", 9),
        (day(13), OPEN, "NEW", 1),
    ]
    assert [v.withdrawn for v in laid] == [True, False, False, False, False]


def test_other_products_and_prices_of_none_are_left_alone() -> None:
    other = version(1, None, "1")._replace(stock_code="B2")

    assert overlaid([other], [price(1, 5, "9")]) == [other]


def reprice(warehouse: Warehouse, code: str, amount: str, *days: str, **context: Any) -> Any:
    return correct.run(
        replace(warehouse.context, **context),
        lambda cur, run: amendments.reprice(cur, run, code, amount, Dates.parse(*days), WORD),
        *(WORD, {}),
    )


def undo(warehouse: Warehouse) -> Any:
    [(number,)] = warehouse.gold_rows("SELECT max(correction_id) FROM ops.corrections")
    return correct.run(
        warehouse.context, lambda cur, _: amendments.undo(cur, number, WORD), WORD, {}
    )


def lines(warehouse: Warehouse) -> dict[str, Decimal]:
    return dict(
        warehouse.gold_rows("SELECT invoice_no, unit_price FROM fact_transactions ORDER BY 1")
    )


def versions(warehouse: Warehouse, code: str = "A1") -> list[tuple[Any, ...]]:
    return warehouse.gold_rows(
        "SELECT effective_date::text, end_date::text, unit_price::float8, withdrawn"
        " FROM dim_products WHERE stock_code = %s ORDER BY effective_date",
        code,
    )


AS_LISTED = [("2025-03-02", "2025-03-05", 2.5, False), ("2025-03-05", None, 4.0, False)]
LINES = {"second": 2.5, "third": 2.5, "fifth": 4, "other": 2.5}


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Two lists; a line before the first, of each of them, and of another product."""
    warehouse = new_warehouse()
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    lists = {"02": "2.50", "05": "4.00"}
    for number, amount in lists.items():
        both = [product(unit_price=amount), product("B2")]
        warehouse.deliver("products", f"products_202503{number}.csv", both)
    warehouse.deliver(
        "transactions",
        "transactions_20250306T0800.csv",
        [
            line("before", invoice_date="2025-03-01 09:00:00"),
            line("second", invoice_date="2025-03-02 09:00:00"),
            line("third", invoice_date="2025-03-03 09:00:00"),
            line("fifth", invoice_date="2025-03-05 09:00:00"),
            line("other", invoice_date="2025-03-03 09:00:00", stock_code="B2"),
        ],
    )
    warehouse.take()
    return warehouse


def test_lines_of_its_days_have_the_price_and_no_others(shop: Warehouse) -> None:
    assert versions(shop) == AS_LISTED
    assert lines(shop) == LINES
    before = shop.gold_state()
    reprice(shop, "A1", "3", "2025-03-03", "2025-03-05", dry_run=True)
    assert shop.gold_state() == before

    done = reprice(shop, "A1", "3", "2025-03-03", "2025-03-05")

    assert done.counts["restated"] == 2
    assert lines(shop) == LINES | {"third": 3, "fifth": 3}
    assert versions(shop) == [
        ("2025-03-02", "2025-03-03", 2.5, False),
        ("2025-03-03", "2025-03-06", 3.0, False),
        ("2025-03-06", None, 4.0, False),
    ]
    assert shop.gold_rows(
        "SELECT subject, stock_code, unit_price, who, why, followed FROM ops.corrections"
    ) == [("A1 from 2025-03-03 to 2025-03-05", "A1", 3, "a steward", "ticket 8", True)]
    with closing(connect(shop.settings)) as conn, conn, conn.cursor() as cur:
        assert "price A1 from 2025-03-03 to 2025-03-05 = 3.0000" in amendments.listed(cur)[0]


def test_gold_is_still_what_its_lists_and_corrections_make(shop: Warehouse) -> None:
    asked = "product_versions_form_a_chain,prices_are_of_their_day,reconcile_products"

    answers = check_data.run(shop.context, NOW, now=NOW, only=asked, junit=None)

    assert len(answers) == 3
    assert [a.check.name for a in answers if not a.check.passed] == []


def test_a_later_list_and_a_forced_load_leave_it_in_force(shop: Warehouse) -> None:
    shop.deliver("products", "products_20250308.csv", [product(unit_price="5.00"), product("B2")])
    shop.take()
    postgres_load_fact.run(replace(shop.context, force=True))

    assert lines(shop) == LINES | {"third": 3, "fifth": 3}
    assert versions(shop)[1:] == [
        ("2025-03-03", "2025-03-06", 3.0, False),
        ("2025-03-06", "2025-03-08", 4.0, False),
        ("2025-03-08", None, 5.0, False),
    ]


def test_undone_it_leaves_no_trace_in_gold(shop: Warehouse) -> None:
    undo(shop)

    assert lines(shop) == LINES
    assert versions(shop) == [
        ("2025-03-02", "2025-03-05", 2.5, False),
        ("2025-03-05", "2025-03-08", 4.0, False),
        ("2025-03-08", None, 5.0, False),
    ]


def test_a_line_of_a_day_without_a_list_gets_out_of_error_and_back(shop: Warehouse) -> None:
    status = "SELECT status FROM transactions_error WHERE transaction_id = 'before-1'"

    reprice(shop, "A1", "2", "2025-03-01", "2025-03-01")

    assert lines(shop)["before"] == 2
    assert shop.gold_rows(status) == [("REPLAYED",)]
    assert versions(shop)[0] == ("2025-03-01", "2025-03-02", 2.0, False)

    undo(shop)

    assert "before" not in lines(shop)
    assert shop.gold_rows(status) == [("OPEN",)]


@pytest.mark.parametrize(
    ("code", "amount", "days", "words"),
    [
        ("NONE", "1", ("2025-03-01", "2025-03-02"), "no price list that gold has taken names"),
        ("A1", "1.23456", ("2025-03-01", "2025-03-02"), "no price of at most 4 decimal"),
        ("A1", "-1", ("2025-03-01", "2025-03-02"), "-1 is no price"),
        ("A1", "1", ("2025-03-01", None), "--from and --to are both needed"),
        ("A1", "1", ("2025-03-02", "2025-03-01"), "is after --to"),
        ("A1", "1", ("2025-03-01", "9999-12-31"), "no later than 9999-12-30"),
        ("B2", "1", ("2025-03-03", "2025-03-04"), r"correction \d+ says something of that"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    shop: Warehouse, code: str, amount: str, days: tuple[str, ...], words: str
) -> None:
    if code == "B2":
        reprice(shop, "B2", "9", "2025-03-04", "2025-03-09", spark=None)
    with pytest.raises(UsageError, match=words):
        reprice(shop, code, amount, *days, spark=None)


def test_one_that_died_before_its_load_is_followed_by_the_next(shop: Warehouse) -> None:
    reprice(shop, "B2", "7", "2025-03-02", "2025-03-03", spark=None)
    assert lines(shop)["other"] == 2.5

    shop.load()

    assert lines(shop)["other"] == 7
    assert shop.load().counts["rows_in"] == 0
