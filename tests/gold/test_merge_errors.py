"""The load's one transaction, staged by hand: errors and their replay."""

from __future__ import annotations

import pytest

from tests.gold.loads import File, Loads, Row, bad, line


def test_an_error_that_is_good_on_another_look_is_replayed(loads: Loads) -> None:
    loads.take(File("a", [bad("1-1"), bad("1-2")]))

    run = loads.take(again=[File("a", [line("1-1"), bad("1-2", "no_price_in_effect")])])

    assert [row[:3] for row in loads.facts()] == [("1-1", 4, "2011-01-05")]
    assert [row[:5] for row in loads.errors()] == [
        ("1-1", ["unknown_country"], "REPLAYED", 2, run.run_id),
        ("1-2", ["no_price_in_effect"], "OPEN", 2, run.run_id),
    ]
    assert (run.counts["loaded"], run.counts["restated"]) == (0, 1)


def test_a_loaded_line_that_is_bad_on_another_look_moves_to_the_errors(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("1-2")]))

    run = loads.take(again=[File("a", [bad("1-1", source_line=2)])])

    assert [row[0] for row in loads.facts()] == ["1-2"]
    assert [row[:5] for row in loads.errors()] == [
        ("1-1", ["unknown_country"], "OPEN", 1, run.run_id)
    ]
    assert run.counts["moved_to_error"] == 1


def test_a_line_may_go_to_the_errors_and_back_more_than_once(loads: Loads) -> None:
    loads.take(File("a", [line()]))
    for _ in range(2):
        loads.take(again=[File("a", [bad()])])
        run = loads.take(again=[File("a", [line()])])

    assert len(loads.facts()) == 1
    assert [row[2:5] for row in loads.errors()] == [("REPLAYED", 4, run.run_id)]


def discard(loads: Loads) -> None:
    loads.ask("UPDATE transactions_error SET status = 'DISCARDED'")


@pytest.mark.parametrize("again", [line(), bad(), bad("1-1", "no_price_in_effect")])
def test_what_a_person_discarded_stays_so_on_another_look(loads: Loads, again: Row) -> None:
    first = loads.take(File("a", [bad()]))
    discard(loads)

    loads.take(again=[File("a", [again])])

    assert loads.facts() == []
    assert loads.errors() == [("1-1", ["unknown_country"], "DISCARDED", 1, first.run_id, "a")]


def test_a_greater_row_takes_the_place_of_a_discarded_one(loads: Loads) -> None:
    loads.take(File("b", [bad()]))
    discard(loads)

    earlier = loads.take(File("a", [line()], "2011-01-05T04:00"))
    assert (loads.facts(), earlier.counts["superseded"]) == ([], 1)

    loads.take(File("c", [line()], "2011-01-05T12:00"))
    assert [row[4] for row in loads.facts()] == ["c"]
    assert [row[2] for row in loads.errors()] == ["REPLAYED"]
