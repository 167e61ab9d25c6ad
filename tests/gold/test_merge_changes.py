"""The load's one transaction, staged by hand: work for the anomaly job."""

from __future__ import annotations

import pytest

from tests.gold.loads import FEBRUARY, File, Loads, Row, bad, line
from tests.support.databases import Rows

SALES: dict[str, tuple[list[Row], list[Row], Rows]] = {
    "new lines": ([], [line(), line("1-2")], [("A1", "2011-01-01", "lines")]),
    "returns": ([], [line(quantity=-4)], []),
    "a return instead of a sale": (
        [line()], [line(quantity=-4)], [("A1", "2011-01-01", "lines")],
    ),
    "a sale instead of a return": (
        [line(quantity=-4)], [line()], [("A1", "2011-01-01", "lines")],
    ),
    "another product": (
        [line()], [line(product_sk=2)], [("A1", "2011-01-01", "lines"),
                                         ("B2", "2011-01-01", "lines")],
    ),
    "another month": (
        [line()], [line(invoice_date=FEBRUARY)], [("A1", "2011-01-01", "lines"),
                                                  ("A1", "2011-02-01", "lines")],
    ),
    "in error now": ([line()], [bad()], [("A1", "2011-01-01", "lines")]),
    "no longer in error": ([bad()], [line()], [("A1", "2011-01-01", "lines")]),
    "the same": ([line()], [line()], []),
}  # fmt: skip


@pytest.mark.parametrize("name", SALES)
def test_products_and_months_whose_sales_lines_changed_are_queued(loads: Loads, name: str) -> None:
    before, after, expected = SALES[name]
    loads.take(File("a", before))

    run = loads.take(File("b", after, "2011-01-05T12:00"))

    assert loads.changes(run) == expected


def test_a_flagged_line_that_moves_to_a_new_month_has_both_looked_at(loads: Loads) -> None:
    there = line("2-1", product_sk=2, invoice_date=FEBRUARY)
    loads.take(File("a", [line("1-1"), there]))
    loads.ask(
        "INSERT INTO anomalies (transaction_id, order_id, stock_code, quantity, median_qty,"
        " std_deviation, z_score, threshold, baseline_month, invoice_date, batch_id)"
        " VALUES ('1-1', '1', 'A1', 4, 1, 1, 3, 3, '2011-01-01', '2011-01-05 09:00Z', 1)"
    )
    moved = [
        line("1-1", invoice_date="2011-03-05 09:00+00"),
        line("3-1", product_sk=2, invoice_date="2011-04-05 09:00+00"),
        line("3-2", product_sk=2, invoice_date="2011-04-05 09:00+00", quantity=-4),
        line("3-3", invoice_date="2011-04-05 09:00+00", quantity=-4),
    ]

    run = loads.take(File("b", moved, "2011-01-05T12:00"))

    assert loads.changes(run) == [
        ("A1", "2011-01-01", "flagged"),
        ("A1", "2011-03-01", "flagged"),
        ("A1", "2011-03-01", "lines"),
        ("B2", "2011-04-01", "lines"),
    ]


def test_a_month_is_marked_with_the_last_load_that_changed_a_line(loads: Loads) -> None:
    first = loads.take(File("a", [line("1-1"), line("2-1", invoice_date=FEBRUARY)]))
    moved = line("1-1", invoice_date="2011-03-01 00:00+00")
    second = loads.take(File("b", [moved, line("2-1", invoice_date=FEBRUARY)], "2011-01-05T12:00"))

    assert loads.ask("SELECT month::text, batch_id FROM ops.fact_months ORDER BY 1") == [
        ("2011-01-01", second.run_id),
        ("2011-02-01", first.run_id),
        ("2011-03-01", second.run_id),
    ]
