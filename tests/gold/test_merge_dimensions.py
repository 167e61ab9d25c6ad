"""The load's one transaction, staged by hand: prices and countries that change."""

from __future__ import annotations

from decimal import Decimal

import pytest
from psycopg2 import errors

from tests.gold.loads import A1, B2, GERMANY, File, Loads, bad, country, line, product

CHEAPER = [
    product(1, "A1", "2010-01-01", "2011-01-05"),
    product(3, "A1", "2011-01-05", unit_price="2"),
    B2,
]


def test_a_late_price_restates_the_lines_it_covers_and_no_other(loads: Loads) -> None:
    old = line("2-1", invoice_date="2011-01-04 09:00+00")
    first = loads.take(File("a", [line("1-1"), old, line("3-1", product_sk=2)]))
    marks = "SELECT transaction_id, xmin::text FROM fact_transactions ORDER BY 1"
    before = dict(loads.ask(marks))

    restated = line("1-1", product_sk=3, unit_price=Decimal(2))
    run = loads.take(again=[File("a", [restated, {**old, "source_line": 3}])], products=CHEAPER)

    assert loads.ask(
        "SELECT transaction_id, product_sk, unit_price, total_amount, batch_id"
        " FROM fact_transactions ORDER BY 1"
    ) == [
        ("1-1", 3, Decimal(2), Decimal(8), run.run_id),
        ("2-1", 1, Decimal("2.5"), Decimal(10), first.run_id),
        ("3-1", 2, Decimal("2.5"), Decimal(10), first.run_id),
    ]
    after = dict(loads.ask(marks))
    assert [name for name in before if after[name] != before[name]] == ["1-1"]
    assert (run.counts["looked_at_again"], run.counts["restated"]) == (2, 1)
    assert loads.changes(run) == [("A1", "2011-01-01", "prices")]
    assert loads.customers() == [("C1", "2011-01-04", "2011-01-05")]


def test_versions_are_taken_over_whole(loads: Loads) -> None:
    loads.take(File("a", [line("9-1", product_sk=2)]))
    changed = [*CHEAPER[:2], product(2, "B2", "2010-01-01", description="BLUE MUG", category=None)]

    loads.take(products=changed)

    assert loads.ask(
        "SELECT product_sk, stock_code, description, category, unit_price, effective_date::text,"
        " end_date::text, is_current, withdrawn FROM dim_products ORDER BY 1"
    ) == [tuple({**p, "unit_price": Decimal(p["unit_price"])}.values())
          for p in (changed[0], changed[2], changed[1])]  # fmt: skip


def test_a_version_that_is_no_more_goes_when_its_lines_have_left_it(loads: Loads) -> None:
    loads.reference["products"] = CHEAPER
    loads.take(File("a", [line(product_sk=3, unit_price=Decimal(2))]))

    loads.take(again=[File("a", [line()])], products=[A1, B2])

    versions = "SELECT product_sk, end_date, is_current FROM dim_products ORDER BY 1"
    assert loads.ask(versions) == [(1, None, True), (2, None, True)]
    assert loads.ask("SELECT product_sk, unit_price FROM fact_transactions") == [
        (1, Decimal("2.5"))
    ]


def test_a_version_that_lines_point_to_cannot_go(loads: Loads) -> None:
    loads.reference["products"] = CHEAPER
    loads.take(File("a", [line(product_sk=3, unit_price=Decimal(2))]))
    before = loads.state()

    with pytest.raises(errors.ForeignKeyViolation):
        loads.take(products=[A1, B2])

    assert loads.state() == before


def test_a_product_that_left_for_good_takes_its_lines_to_the_errors(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("2-1", product_sk=2)]))
    unpriced = bad("1-1", "no_price_in_effect", product_sk=None, source_line=2)

    run = loads.take(again=[File("a", [unpriced])], products=[B2])

    assert [row[0] for row in loads.facts()] == ["2-1"]
    assert loads.ask("SELECT stock_code FROM dim_products") == [("B2",)]
    assert loads.changes(run) == [("A1", "2011-01-01", "lines")]


def test_countries_may_swap_their_names(loads: Loads) -> None:
    loads.take(File("a", [line()]))

    loads.take(
        again=[File("a", [line(country_sk=276)])],
        countries=[country(250, "Germany"), country(276, "France")],
    )

    names = "SELECT country_id, country FROM dim_countries ORDER BY 1"
    assert loads.ask(names) == [(250, "Germany"), (276, "France")]
    assert loads.ask("SELECT country_sk FROM fact_transactions") == [(276,)]


def test_a_country_that_is_no_more_goes_and_its_lines_are_errors(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("2-1", country_sk=276)]))

    loads.take(again=[File("a", [bad("1-1", country_sk=None)])], countries=[GERMANY])

    assert loads.ask("SELECT country FROM dim_countries") == [("Germany",)]
    assert [row[0] for row in loads.facts()] == ["2-1"]
    assert [row[:3] for row in loads.errors()] == [("1-1", ["unknown_country"], "OPEN")]
