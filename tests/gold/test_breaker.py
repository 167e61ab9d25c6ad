"""The circuit breaker: what it holds back, what it lets through, and how a person overrules it."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.common.db import connect
from jobs.common.errors import HeldBack, UsageError
from jobs.common.job import JobContext, reason_of
from jobs.common.settings import Settings
from jobs.gold.staged import ListFile
from jobs.notify.outbox import next_mail
from tests.gold.loads import (
    A1,
    B2,
    EMPTY,
    FRANCE,
    GERMANY,
    File,
    Loads,
    Row,
    bad,
    line,
    product,
)
from tests.support.databases import Rows, query

TRIPS = "SELECT check_name, subject, files, ended_by, accepted_by, reason FROM ops.breaker_trips"
FIRST_DAY = date(2011, 1, 3)
LIMITS = {"breaker_max_malformed": 0.1, "breaker_min_rows": 20, "breaker_max_jump": 20.0}


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    """An empty gold, whose files are large from 20 lines up."""
    query(gold_settings, EMPTY)
    return Loads(gold_settings.model_copy(update=LIMITS))


def file(letter: str, good: int, malformed: int, window: str = "2011-01-05T08:00") -> File:
    """Lines of one file; malformed ones have an id, so that a later file can correct them."""
    lines = [line(f"{letter}-{n}") for n in range(good)]
    spoilt = [bad(f"{letter}-{good + n}", "malformed_row") for n in range(malformed)]
    return File(letter, [*lines, *spoilt], window)


def day(number: int, quantity: int = 4, **changed: Any) -> Row:
    """A line of the so-manieth day: 4 at 2.5, so 10.00 is what a day usually sells."""
    when = FIRST_DAY + timedelta(days=number)
    return line(f"d{number}-{quantity}", quantity=quantity, invoice_date=f"{when} 09:00+00",
                **changed)  # fmt: skip


def days(count: int) -> File:
    return File("a", [day(number) for number in range(count)])


def held(loads: Loads, *files: File, **more: Any) -> HeldBack:
    """What a load that is held back says; gold is as it was."""
    before = loads.state()
    with pytest.raises(HeldBack) as raised:
        loads.take(*files, **more)
    assert raised.value.exit_code == 3
    assert loads.state() == before
    assert loads.ask("SELECT status FROM ops.v_runs ORDER BY run_id DESC LIMIT 1") == [("failed",)]
    return raised.value


def trips(loads: Loads) -> Rows:
    return loads.ask(f"{TRIPS} ORDER BY trip_id")


def told(loads: Loads) -> list[int]:
    """How many findings each load told of."""
    rows = loads.ask("SELECT found FROM ops.mail_findings WHERE kind = 'held' ORDER BY batch_id")
    return [row[0] for row in rows]


# ---- malformed lines ----------------------------------------------------------------------


def test_a_file_with_too_many_malformed_lines_is_held_back_and_named(loads: Loads) -> None:
    loads.take(file("a", 5, 0), snapshots={"ecommerce_db.transactions_raw": 1})

    error = held(
        loads, file("b", 26, 4), file("c", 10, 0), snapshots={"ecommerce_db.transactions_raw": 2}
    )

    assert "b.csv: 4 of 30 lines malformed (13.3%)" in str(error)
    assert "at most 10.0% malformed, from 20 lines up" in str(error)
    assert "c.csv" not in str(error)
    assert '--accept "why"' in error.do
    assert "leave the files pending" in error.do
    pending = "SELECT source_file, line_count, malformed FROM ops.pending_files ORDER BY 1"
    assert loads.ask(pending) == [("b.csv", 30, 4), ("c.csv", 10, 0)]
    assert loads.ask("SELECT snapshot_id FROM ops.watermarks") == [(1,)]
    seen = "SELECT check_name, severity, observed FROM ops.checks WHERE NOT passed"
    assert loads.ask(seen) == [
        ("malformed_share_is_usual", "fail", "b.csv: 4 of 30 lines malformed (13.3%)")
    ]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([file("b", 27, 3)], id="just the share"),
        pytest.param([file("b", 0, 19)], id="too few lines to judge"),
        pytest.param([file("b", 0, 5), file("c", 45, 0)], id="few lines of many"),
    ],
)
def test_what_is_within_the_share_goes_through(loads: Loads, files: list[File]) -> None:
    loads.take(*files)

    assert trips(loads) == []
    assert told(loads) == []


def test_a_bad_file_does_not_hide_among_good_ones(loads: Loads) -> None:
    error = held(loads, file("b", 0, 20), file("c", 500, 0))

    assert "b.csv: 20 of 20 lines malformed (100.0%)" in str(error)


def test_small_files_are_judged_together(loads: Loads) -> None:
    error = held(loads, file("b", 8, 2), file("c", 6, 4), file("d", 10, 0))

    assert "6 of 30 lines malformed (20.0%), by c.csv, b.csv" in str(error)
    assert trips(loads)[0][1] == "all new files"


def test_lines_that_a_later_file_corrects_do_not_count(loads: Loads) -> None:
    first = file("b", 26, 4)
    held(loads, first)
    corrected = File("c", [line(f"b-{26 + n}") for n in range(4)], "2011-01-05T12:00")

    run = loads.take(first, corrected, products=[A1, B2], countries=[FRANCE, GERMANY])

    assert run.counts["superseded"] == 4
    assert [(row[3], row[4]) for row in trips(loads)] == [(run.run_id, None)]
    assert loads.ask("SELECT * FROM ops.pending_files") == []


# ---- a day's total ------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "side"), [(81, "sales"), (-81, "returns")])
def test_a_day_far_beyond_the_days_before_it_is_held_back(
    loads: Loads, quantity: int, side: str
) -> None:
    loads.take(days(7))

    error = held(loads, File("b", [day(7, quantity)]))

    assert (
        f"2011-01-10: {side} of 202.50, 20.2 times the median sales (10.00) of the 7 trading days"
        " before, by b.csv (at most 20 times the median: 200.00)" in str(error)
    )


@pytest.mark.parametrize(
    ("known", "quantity"), [pytest.param(7, 80, id="20 times"), pytest.param(6, 900, id="6 days")]
)
def test_a_day_within_range_or_with_too_few_before_it_goes_through(
    loads: Loads, known: int, quantity: int
) -> None:
    loads.take(days(known))
    loads.take(File("b", [day(known, quantity)]))

    assert trips(loads) == []


def test_the_days_of_the_same_load_are_looked_at_too(loads: Loads) -> None:
    error = held(loads, days(7), File("b", [day(7, 500)], "2011-01-10T08:00"))

    assert "2011-01-10" in str(error)
    assert "by b.csv" in str(error)


def test_the_median_is_of_the_last_28_trading_days(loads: Loads) -> None:
    # 28 days of 10.00 after 30 of 1000.00: of all 58 the median would be 1000.00
    early = [day(number, 400) for number in range(30)]
    late = [day(number) for number in range(40, 68)]
    loads.take(File("a", early + late))

    assert "sales of 202.50, 20.2 times" in str(held(loads, File("b", [day(80, 81)])))


def test_the_fewest_files_that_explain_it_are_named(loads: Loads) -> None:
    loads.take(days(7))
    small, large, usual = (File(name, [day(7, quantity)]) for name, quantity in
                           (("b", 50), ("c", 300), ("d", 4)))  # fmt: skip

    held(loads, small, large, usual)

    assert [row[2] for row in trips(loads)] == [["c.csv"]]


def test_new_prices_that_move_loaded_days_are_held_back_and_their_list_named(loads: Loads) -> None:
    first = days(8)
    loads.take(first)
    dear = [product(1, "A1", "2010-01-01", "2011-01-10", unit_price="2.5", is_current=False),
            product(3, "A1", "2011-01-10", unit_price="250")]  # fmt: skip
    again = File("a", [*first.lines[:7], day(7, product_sk=3, unit_price=Decimal(250))])
    prices = ListFile("products", date(2011, 1, 10), "f" * 64, "products_20110110.csv", 2)

    error = held(loads, again=[again], products=[*dear, B2], lists=[prices])

    assert "2011-01-10: sales of 1,000.00" in str(error)
    assert "by products_20110110.csv" in str(error)


# ---- accepted -----------------------------------------------------------------------------


def test_accepting_publishes_and_is_kept_with_who_when_why_and_the_figures(loads: Loads) -> None:
    loads.take(days(7))
    bulk = File("b", [day(7, 500)])
    held(loads, bulk)

    run = loads.take(bulk, accept="a wholesaler; asked")

    ((who,),) = loads.ask("SELECT who FROM ops.runs WHERE run_id = %s", run.run_id)
    assert trips(loads) == [
        ("day_totals_are_usual", "2011-01-10 sales", ["b.csv"], run.run_id, who,
         "a wholesaler; asked"),
    ]  # fmt: skip
    figures = "sales of 1,250.00, 125.0 times the median sales (10.00) of the 7 trading days before"
    assert loads.ask("SELECT observed, ended_at IS NULL FROM ops.breaker_trips") == [
        (f"2011-01-10: {figures}", False)
    ]
    checks = "SELECT severity, passed FROM ops.checks WHERE run_id = %s AND check_name = %s"
    assert loads.ask(checks, run.run_id, "day_totals_are_usual") == [("warn", False)]
    assert loads.ask("SELECT count(*) FROM fact_transactions") == [(8,)]
    assert loads.ask("SELECT * FROM ops.pending_files") == []


def test_accepting_counts_for_one_run(loads: Loads) -> None:
    loads.take(days(7))
    loads.take(File("b", [day(7, 500)]), accept="a wholesaler")

    held(loads, File("c", [day(8, 600)]))


def test_a_day_that_was_accepted_is_not_asked_about_again_but_what_comes_on_top_is(
    loads: Loads,
) -> None:
    loads.take(days(7))
    loads.take(File("b", [day(7, 500)]), accept="a wholesaler")

    loads.take(File("c", [day(7, 8)]))  # an ordinary file of the same day

    assert "sales of 3,020.00" in str(held(loads, File("d", [day(7, 700)])))


def test_nothing_to_accept_leaves_no_trace(loads: Loads) -> None:
    run = loads.take(days(7), accept="to be sure")

    assert trips(loads) == []
    assert "accepted_trips" not in run.counts


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_says_something(reason: str) -> None:
    with pytest.raises(UsageError, match="--accept says no reason"):
        reason_of(reason)


def test_a_run_keeps_the_reason_among_its_parameters(gold_settings: Settings) -> None:
    assert JobContext(gold_settings, accept="why").parameters == {"accept": "why"}


# ---- who is told --------------------------------------------------------------------------


def test_stewards_are_told_once_and_of_what_is_new(loads: Loads) -> None:
    loads.take(days(7))
    bulk = File("b", [day(7, 500)])
    held(loads, bulk)
    held(loads, bulk)
    assert told(loads) == [1]

    held(loads, bulk, File("c", [day(7, 4)]), File("d", [day(8, 500)]))
    assert told(loads) == [1, 1]
    assert [row[1] for row in trips(loads)] == ["2011-01-10 sales", "2011-01-11 sales"]


def test_what_was_accepted_before_the_mail_went_is_not_told(loads: Loads) -> None:
    loads.take(days(7))
    bulk = File("b", [day(7, 500)])
    held(loads, bulk)
    with closing(connect(loads.settings)) as conn:
        waiting = next_mail(conn)
        loads.take(bulk, accept="a wholesaler")
        assert (waiting is not None, next_mail(conn)) == (True, None)


def test_what_came_right_is_told_again_when_it_comes_back(loads: Loads) -> None:
    loads.take(days(7))
    held(loads, File("b", [day(7, 500)]))
    loads.take(File("c", [day(7, 4)]))
    held(loads, File("b", [day(7, 500)]))

    assert told(loads) == [1, 1]
    assert [row[3] is None for row in trips(loads)] == [False, True]


def test_of_several_findings_those_that_came_right_end(loads: Loads) -> None:
    loads.take(days(7))
    held(loads, File("b", [day(7, 500), day(8, 500)]))
    held(loads, File("b", [day(7, 500)]))

    assert [(row[1], row[3] is None) for row in trips(loads)] == [
        ("2011-01-10 sales", True),
        ("2011-01-11 sales", False),
    ]
