"""The load's one transaction, staged by hand: a first load, and the same again."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import pytest
from psycopg2 import errors

from jobs.common.db import connect
from tests.gold.loads import A1, B2, FRANCE, GERMANY, File, Loads, bad, line, product

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


def test_a_load_with_errors_puts_one_finding_into_the_outbox(loads: Loads) -> None:
    first = loads.take(FIRST)
    loads.take(again=[FIRST])

    found = "SELECT kind, batch_id, found FROM ops.mail_findings"
    assert loads.ask(found) == [("errors", first.run_id, 2)]
