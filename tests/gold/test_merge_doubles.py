"""The load's one transaction, staged by hand: two rows of one transaction_id."""

from __future__ import annotations

import pytest

from tests.gold.loads import FEBRUARY, File, Loads, Row, bad, line
from tests.support.databases import Rows

C1 = ("C1", "2011-01-05", "2011-01-05")
# name: row of the earlier window, of the later; then facts, open errors, customers
DOUBLES: dict[str, tuple[Row, Row, Rows, Rows, Rows]] = {
    "quantity": (
        line(), line(quantity=7), [("1-1", 7, "2011-01-05", "C1", "b")], [], [C1],
    ),
    "nothing": (line(), line(), [("1-1", 4, "2011-01-05", "C1", "b")], [], [C1]),
    "time of day": (
        line(), line(invoice_date="2011-01-05 10:00+00"),
        [("1-1", 4, "2011-01-05", "C1", "b")], [], [C1],
    ),
    "later month": (
        line(), line(invoice_date=FEBRUARY), [("1-1", 4, "2011-02-10", "C1", "b")], [],
        [("C1", "2011-02-10", "2011-02-10")],
    ),
    "earlier month": (
        line(invoice_date=FEBRUARY), line(), [("1-1", 4, "2011-01-05", "C1", "b")], [], [C1],
    ),
    "customer": (
        line(), line(customer_id="C2"), [("1-1", 4, "2011-01-05", "C2", "b")], [],
        [("C2", "2011-01-05", "2011-01-05")],
    ),
    "guest": (line(), line(customer_id=None), [("1-1", 4, "2011-01-05", None, "b")], [], []),
    "no longer a guest": (
        line(customer_id=None), line(), [("1-1", 4, "2011-01-05", "C1", "b")], [], [C1],
    ),
    "now bad": (line(), bad(), [], [("1-1", ["unknown_country"], "b")], []),
    "now good": (bad(), line(), [("1-1", 4, "2011-01-05", "C1", "b")], [], [C1]),
    "bad otherwise": (
        bad(), bad("1-1", "no_price_in_effect"), [], [("1-1", ["no_price_in_effect"], "b")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("order", ["in order", "late", "together"])
@pytest.mark.parametrize("window", ["2011-01-05T12:00", "2011-01-05T08:00"], ids=["window", "hash"])
@pytest.mark.parametrize("name", DOUBLES)
def test_the_greatest_row_wins_in_whatever_order_they_arrive(
    loads: Loads, name: str, window: str, order: str
) -> None:
    early, late, facts, open_errors, customers = DOUBLES[name]
    files = [File("a", [early]), File("b", [late], window)]
    batches = {"in order": [files[:1], files[1:]], "late": [files[1:], files[:1]]}

    for batch in batches.get(order, [files]):
        loads.take(*batch)

    assert loads.facts() == facts
    assert [(e[0], e[1], e[5]) for e in loads.errors() if e[2] == "OPEN"] == open_errors
    assert loads.customers() == customers
    months = "SELECT DISTINCT to_char(date, 'YYYY-MM') FROM dim_dates"
    assert loads.ask(months) == [(fact[2][:7],) for fact in facts]


def test_within_a_file_the_last_row_wins(loads: Loads) -> None:
    run = loads.take(File("a", [line(quantity=1), line(quantity=2), line(quantity=3), bad("2-1"),
                                line("2-1")]))  # fmt: skip

    assert [row[:2] for row in loads.facts()] == [("1-1", 3), ("2-1", 4)]
    assert loads.errors() == []
    assert (run.counts["loaded"], run.counts["superseded"]) == (2, 3)


def test_a_row_that_comes_too_late_is_superseded_and_touches_nothing(loads: Loads) -> None:
    loads.take(File("b", [line(), bad("2-1")], "2011-01-05T12:00"))
    before, versions = loads.state(), loads.row_versions()

    run = loads.take(File("a", [line(quantity=9), line("2-1")]))

    assert (loads.state(), loads.row_versions()) == (before, versions)
    assert run.counts["superseded"] == 2
    assert loads.changes(run) == []


def test_rows_without_a_transaction_id_are_each_their_own(loads: Loads) -> None:
    loads.take(File("a", [bad(None, "malformed_row"), bad(None, "malformed_row")]))
    loads.take(File("b", [bad(None, "malformed_row")]))

    assert len(loads.errors()) == 3


def test_a_customers_range_shrinks_when_a_line_goes(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("2-1", invoice_date="2011-01-20 09:00+00")]))
    loads.take(File("b", [line("1-1", customer_id="C2")], "2011-01-05T12:00"))

    assert loads.customers() == [("C1", "2011-01-20", "2011-01-20"),
                                 ("C2", "2011-01-05", "2011-01-05")]  # fmt: skip

    loads.take(File("c", [bad("2-1")], "2011-01-05T16:00"))

    assert loads.customers() == [("C2", "2011-01-05", "2011-01-05")]


def test_days_stay_while_their_month_has_a_line(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("2-1")]))
    loads.take(File("b", [bad("1-1")], "2011-01-05T12:00"))
    assert loads.ask("SELECT count(*) FROM dim_dates") == [(31,)]

    loads.take(File("c", [bad("2-1")], "2011-01-05T16:00"))
    assert loads.ask("SELECT count(*) FROM dim_dates") == [(0,)]

    loads.take(File("d", [line("1-1")], "2011-01-05T20:00"))
    assert loads.ask("SELECT count(*) FROM dim_dates") == [(31,)]
    assert [row[0] for row in loads.facts()] == ["1-1"]
