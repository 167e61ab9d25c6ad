"""The load's one transaction, on staging tables filled by hand."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from psycopg2 import errors

from jobs.common.db import connect
from jobs.common.errors import WarehouseError
from jobs.common.runlog import Run, run_context
from jobs.common.settings import Settings
from jobs.gold.merge import merge
from jobs.gold.postgres_load_fact import load
from jobs.gold.staged import Staged
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
    country,
    line,
    product,
)
from tests.support.databases import Rows, query


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    """An empty gold."""
    query(gold_settings, EMPTY)
    return Loads(gold_settings)


# ---- a first load -------------------------------------------------------------------------

FIRST = File(
    "a",
    [
        line("1-1"),
        line("1-2", product_sk=2, customer_id=None, quantity=-1),
        line("2-1", invoice_date="2011-02-10 00:00+00", country_sk=276),
        line("3-1", customer_id="C2", invoice_date="2011-01-31 23:59:59+00"),
        bad("4-1", "no_price_in_effect", "unknown_country", product_sk=None),
        bad(None, "malformed_row"),
    ],
)


def test_a_first_load_fills_the_star(loads: Loads) -> None:
    run = loads.take(FIRST)

    assert loads.facts() == [
        ("1-1", 4, "2011-01-05", "C1", "a"),
        ("1-2", -1, "2011-01-05", None, "a"),
        ("2-1", 4, "2011-02-10", "C1", "a"),
        ("3-1", 4, "2011-01-31", "C2", "a"),
    ]
    amounts = "SELECT total_amount, is_return, batch_id, source_line FROM fact_transactions"
    assert loads.ask(f"{amounts} WHERE transaction_id = '1-2'") == [
        (Decimal("-2.5"), True, run.run_id, 3)
    ]
    assert loads.customers() == [
        ("C1", "2011-01-05", "2011-02-10"),
        ("C2", "2011-01-31", "2011-01-31"),
    ]
    assert loads.errors() == [
        ("4-1", ["no_price_in_effect", "unknown_country"], "OPEN", 1, run.run_id, "a"),
        (None, ["malformed_row"], "OPEN", 1, run.run_id, "a"),
    ]


KEYS = """
SELECT c.conname, pg_get_constraintdef(c.oid), c.condeferrable, c.condeferred, c.convalidated
FROM pg_constraint AS c
WHERE c.conrelid = 'dim_products'::regclass
UNION ALL
SELECT i.indexname, i.indexdef, NULL, NULL, NULL
FROM pg_indexes AS i
WHERE i.tablename = 'dim_products'
ORDER BY 1, 2
"""


def test_a_first_load_leaves_products_the_keys_that_they_had(loads: Loads) -> None:
    before = loads.ask(KEYS)

    loads.take(FIRST)

    assert len(before) > 10
    assert loads.ask(KEYS) == before


def test_a_first_load_of_two_versions_with_one_start_fails_whole(loads: Loads) -> None:
    before = loads.ask(KEYS)

    with pytest.raises(errors.UniqueViolation, match="could not create unique index"):
        loads.take(FIRST, products=[A1, product(7, "A1", "2010-01-01")])

    assert loads.ask("SELECT count(*) FROM dim_products") == [(0,)]
    assert loads.ask(KEYS) == before


def test_a_first_load_beside_a_reader_of_products_keeps_the_keys(loads: Loads) -> None:
    with closing(connect(loads.settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM dim_products")
        before = loads.ask(KEYS)
        loads.take(FIRST)

    assert len(loads.facts()) == 4
    assert loads.ask(KEYS) == before


def test_a_first_load_says_what_became_of_each_line(loads: Loads) -> None:
    run = loads.take(FIRST)

    assert run.counts == {
        "rows_in": 6, "loaded": 4, "unchanged": 0, "superseded": 0, "error": 2,
        "looked_at_again": 0, "restated": 0, "moved_to_error": 0, "files": 1, "new_months": 2,
        "error_by_rule": {"malformed_row": 1, "no_price_in_effect": 1, "unknown_country": 1},
    }  # fmt: skip
    row = "SELECT status, counts FROM ops.v_runs"
    assert loads.ask(row) == [("done", run.counts)]
    assert loads.ask("SELECT check_name, passed FROM ops.checks ORDER BY 1") == [
        ("day_totals_are_usual", True),
        ("every_line_accounted_for", True),
        ("malformed_share_is_usual", True),
        ("product_versions_do_not_overlap", True),
        ("staged_all_of_bronze", True),
        ("sums_are_of_the_lines", True),
    ]


def test_a_load_notes_files_positions_and_months(loads: Loads) -> None:
    first = loads.take(FIRST, snapshots={"ecommerce_db.products": 11, "ecommerce_db.x": 5})
    second = loads.take(
        File("b", [line("9-1", invoice_date="2011-02-01 00:00+00")]),
        snapshots={"ecommerce_db.products": 12},
    )

    files = "SELECT left(file_sha256, 1), source_file, line_count, batch_id FROM ops.loaded_files"
    assert loads.ask(f"{files} ORDER BY 1") == [
        ("a", "a.csv", 6, first.run_id),
        ("b", "b.csv", 1, second.run_id),
    ]
    watermarks = "SELECT table_name, snapshot_id, batch_id FROM ops.watermarks ORDER BY 1"
    assert loads.ask(watermarks) == [
        ("ecommerce_db.products", 12, second.run_id),
        ("ecommerce_db.x", 5, first.run_id),
    ]
    assert loads.ask("SELECT month::text, batch_id FROM ops.fact_months ORDER BY 1") == [
        ("2011-01-01", first.run_id),
        ("2011-02-01", second.run_id),
    ]


def test_days_come_in_whole_months(loads: Loads) -> None:
    loads.take(File("a", [line(invoice_date="2012-02-10 00:00+00")], "2012-02-10T00:00"))

    days = loads.ask("SELECT * FROM dim_dates ORDER BY date")
    assert len(days) == 29
    assert [str(value) for value in days[3]] == [
        "20120204", "2012-02-04", "2012", "1", "2", "February", "4", "Saturday", "True",
    ]  # fmt: skip
    assert [day[6] for day in days if day[8]] == [4, 5, 11, 12, 18, 19, 25, 26]


# ---- the same again -----------------------------------------------------------------------


def test_the_same_lines_of_a_later_file_are_unchanged(loads: Loads) -> None:
    first = loads.take(File("a", [line("1-1"), line("1-2")]))
    run = loads.take(File("b", [line("1-1"), line("1-2"), line("1-3")], "2011-01-05T12:00"))

    assert (run.counts["loaded"], run.counts["unchanged"]) == (1, 2)
    assert [row[4] for row in loads.facts()] == ["b", "b", "b"]
    batches = "SELECT transaction_id, batch_id FROM fact_transactions ORDER BY 1"
    assert loads.ask(batches) == [
        ("1-1", first.run_id),
        ("1-2", first.run_id),
        ("1-3", run.run_id),
    ]


def test_looking_at_everything_again_changes_nothing(loads: Loads) -> None:
    first = loads.take(FIRST)
    before, versions = loads.state(), loads.row_versions()

    run = loads.take(again=[FIRST], products=[A1, B2], countries=[FRANCE, GERMANY])

    assert loads.state() == before
    assert loads.row_versions() == versions
    assert (run.counts["looked_at_again"], run.counts["restated"]) == (6, 0)
    assert loads.changes(run) == []
    assert loads.ask("SELECT DISTINCT batch_id FROM ops.fact_months") == [(first.run_id,)]
    # tried once more, but no news
    assert [row[2:5] for row in loads.errors()] == [("OPEN", 2, first.run_id)] * 2


def test_a_load_of_nothing_changes_nothing(loads: Loads) -> None:
    loads.take(FIRST)
    before, versions = loads.state(), loads.row_versions()

    loads.take()

    assert (loads.state(), loads.row_versions()) == (before, versions)


def test_a_file_is_taken_once(loads: Loads) -> None:
    loads.take(FIRST)
    before, versions = loads.state(), loads.row_versions()

    with pytest.raises(errors.UniqueViolation):
        loads.take(FIRST)

    assert (loads.state(), loads.row_versions()) == (before, versions)


# ---- two rows of one transaction_id -------------------------------------------------------

C1 = ("C1", "2011-01-05", "2011-01-05")
FEBRUARY = "2011-02-10 09:00+00"
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


# ---- errors and their replay --------------------------------------------------------------


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


# ---- prices and countries that change -----------------------------------------------------

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


# ---- work for the anomaly job -------------------------------------------------------------

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


def test_a_month_is_marked_with_the_last_load_that_changed_a_line(loads: Loads) -> None:
    first = loads.take(File("a", [line("1-1"), line("2-1", invoice_date=FEBRUARY)]))
    moved = line("1-1", invoice_date="2011-03-01 00:00+00")
    second = loads.take(File("b", [moved, line("2-1", invoice_date=FEBRUARY)], "2011-01-05T12:00"))

    assert loads.ask("SELECT month::text, batch_id FROM ops.fact_months ORDER BY 1") == [
        ("2011-01-01", second.run_id),
        ("2011-02-01", first.run_id),
        ("2011-03-01", second.run_id),
    ]


# ---- nothing by halves --------------------------------------------------------------------


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


def test_a_load_with_errors_puts_one_finding_into_the_outbox(loads: Loads) -> None:
    first = loads.take(FIRST)
    loads.take(again=[FIRST])

    found = "SELECT kind, batch_id, found FROM ops.mail_findings"
    assert loads.ask(found) == [("errors", first.run_id, 2)]
