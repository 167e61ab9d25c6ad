"""The figures of a digest, read from a small gold whose answers are written out here."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from jobs.common.db import connect
from jobs.notify.facts import Errors, Facts, Finding, Group, Odd, OddTotals
from jobs.notify.read import read_facts
from tests.notify.gold import Gold

MONTH = date(2010, 12, 1)
LINES = (
    # transaction_id, product_sk, invoice_date, quantity, unit_price
    ("1-1", 1, "2010-12-03 09:00+00", 100, "2.50"),
    ("1-2", 2, "2010-12-03 09:00+00", 60, "1.00"),
    ("2-1", 1, "2010-12-05 23:59+00", 30, "2.50"),
    ("3-1", 3, "2010-12-04 10:00+00", 1, "4.00"),
    ("4-1", 1, "2010-12-04 11:00+00", -100, "2.50"),
    ("5-1", 1, "2010-12-06 00:00+00", 9, "2.50"),
)


def read(gold: Gold) -> Facts:
    """The facts of the one mail there is."""
    ((mail_id,),) = gold.ask("SELECT mail_id FROM ops.mail_outbox")
    with closing(connect(gold.settings, "loader")) as connection:
        return read_facts(connection, int(mail_id))


def add_products(gold: Gold) -> None:
    for product_sk, code, name, category in (
        (1, "A", "Lamp", "Home"),
        (2, "B", "Card", "Paper"),
        (3, "C", "Cup", "Home"),
    ):
        gold.insert(
            "dim_products",
            {
                "product_sk": product_sk,
                "stock_code": code,
                "description": name,
                "category": category,
                "unit_price": 1,
                "effective_date": "2010-12-01",
                "is_current": True,
                "withdrawn": False,
            },
        )
    for code in ("A", "B"):
        gold.insert(
            "anomaly_baselines",
            {
                "stock_code": code,
                "month": MONTH,
                "line_count": 12,
                "median_qty": 6,
                "std_deviation": 4,
                "is_sufficient": True,
                "batch_id": 1,
            },
        )


def add_lines(gold: Gold) -> None:
    """Fact lines of December 2010, their dimensions left aside."""
    for day in sorted({str(line[2])[:10] for line in LINES}):
        gold.ask(
            "INSERT INTO dim_dates VALUES (%s, %s, 2010, 4, 12, 'December', %s, 'Someday', false)",
            *(int(day.replace("-", "")), day, int(day[-2:])),
        )
    gold.ask("INSERT INTO dim_countries (country_sk, country_id, country) VALUES (826, 826, 'UK')")
    if gold.ask("SELECT to_regclass('fact_transactions_2010_12')") == [(None,)]:
        gold.ask("SELECT ops.create_fact_month(%s)", MONTH)
        gold.ask("SELECT ops.attach_fact_month(%s)", MONTH)
    for transaction_id, product_sk, invoice_date, quantity, unit_price in LINES:
        gold.insert(
            "fact_transactions",
            {
                "transaction_id": transaction_id,
                "product_sk": product_sk,
                "customer_sk": -1,
                "country_sk": 826,
                "date_sk": int(str(invoice_date)[:10].replace("-", "")),
                "invoice_no": transaction_id.split("-")[0],
                "invoice_date": invoice_date,
                "quantity": quantity,
                "unit_price": unit_price,
                "total_amount": quantity * Decimal(unit_price),
                "is_return": quantity < 0,
                "batch_id": 1,
                "file_key": 1,
                "source_line": 2,
            },
        )


@pytest.fixture
def shop(gold: Gold) -> Gold:
    """Three products and six lines; two of the products can be judged."""
    add_products(gold)
    add_lines(gold)
    return gold


def flag_three(gold: Gold) -> int:
    run = gold.new_run("detect_anomalies")
    when = {line[0]: line[2] for line in LINES}
    for transaction_id, code, quantity, z_score in (
        ("1-1", "A", 100, 23.5),
        ("1-2", "B", 60, 13.5),
        ("2-1", "A", 30, 6.0),
    ):
        gold.flag(
            run,
            transaction_id,
            stock_code=code,
            quantity=quantity,
            z_score=z_score,
            invoice_date=when[transaction_id],
        )
    gold.ask("SELECT ops.add_finding('anomalies', %s, 3)", run)
    return run


def test_odd_lines_are_summed_ranked_and_grouped(shop: Gold) -> None:
    run = flag_three(shop)
    facts = read(shop)
    assert facts.odd_runs == (run,)
    assert facts.errors is None
    assert facts.odd == Odd(
        totals=OddTotals(
            lines=3,
            units=190,
            units_above=Decimal(148),
            amount=Decimal("385.0000"),
            first_day=date(2010, 12, 3),
            last_day=date(2010, 12, 5),
            sales_lines=4,  # the return and the line of the 6th are out
            sales_amount=Decimal("389.0000"),
            unscored=1,  # product C has no baseline
        ),
        per_day=((date(2010, 12, 3), 2), (date(2010, 12, 5), 1)),
        categories=(
            Group("Home", 2, Decimal(102), Decimal("325.0000")),
            Group("Paper", 1, Decimal(46), Decimal("60.0000")),
        ),
        products=(
            Group("Lamp", 2, Decimal(102), Decimal("325.0000"), "A"),
            Group("Card", 1, Decimal(46), Decimal("60.0000"), "B"),
        ),
        top=(
            Finding("1-1", "A", "Lamp", datetime(2010, 12, 3, 9, tzinfo=UTC), 100, 6, 14, 23.5),
            Finding("1-2", "B", "Card", datetime(2010, 12, 3, 9, tzinfo=UTC), 60, 6, 14, 13.5),
            Finding("2-1", "A", "Lamp", datetime(2010, 12, 5, 23, 59, tzinfo=UTC), 30, 6, 14, 6),
        ),
    )


def test_lines_that_are_settled_are_left_out(shop: Gold) -> None:
    flag_three(shop)
    shop.ask("UPDATE anomalies SET status = 'FALSE_POSITIVE' WHERE transaction_id = '1-1'")
    shop.ask("UPDATE anomalies SET still_flagged = false WHERE transaction_id = '1-2'")
    facts = read(shop)
    assert facts.odd is not None
    assert [finding.transaction_id for finding in facts.odd.top] == ["2-1"]


def test_lines_of_other_mails_are_left_out(shop: Gold) -> None:
    flag_three(shop)
    shop.ask("UPDATE ops.mail_outbox SET status = 'SENT'")
    shop.find_odd(1)
    ((mail_id,),) = shop.ask("SELECT max(mail_id) FROM ops.mail_outbox")
    with closing(connect(shop.settings, "loader")) as connection:
        facts = read_facts(connection, int(mail_id))
    assert facts.odd is not None
    assert facts.odd.totals.lines == 1


def errors_of(gold: Gold) -> Errors:
    errors = read(gold).errors
    assert errors is not None
    return errors


def test_errors_are_counted_by_rule_with_what_is_behind_them(gold: Gold) -> None:
    for country in ("RSA", "EIRE ", "RSA"):
        gold.find_error(country=country)
    gold.find_error(rule="malformed_row")
    errors = errors_of(gold)
    assert (errors.totals.lines, errors.totals.units, errors.totals.rows_in) == (4, 48, 800)
    assert [(rule.rule, rule.lines, rule.often) for rule in errors.rules] == [
        ("unknown_country", 3, (("RSA", 2), ("EIRE ", 1))),
        ("malformed_row", 1, ()),
    ]
    assert errors.rules[0].raw == {"quantity": "12", "country": "RSA"}
    assert errors.rules[0].source_line == 7


def test_a_line_that_broke_two_rules_counts_once_in_all(gold: Gold) -> None:
    gold.find_error()
    gold.ask("UPDATE transactions_error SET rules = '{no_price_in_effect,unknown_country}'")
    errors = errors_of(gold)
    assert errors.totals.lines == 1
    assert [rule.lines for rule in errors.rules] == [1, 1]


def test_odd_fields_of_bad_lines_do_no_harm(gold: Gold) -> None:
    run = gold.find_error(rule="malformed_row")
    gold.ask('UPDATE transactions_error SET raw = \'{"quantity": "12e9", "_extra": [1]}\'')
    gold.ask("UPDATE ops.runs SET counts = '{}' WHERE run_id = %s", run)
    errors = errors_of(gold)
    assert (errors.totals.units, errors.totals.rows_in) == (0, None)


def test_replayed_errors_are_left_out(gold: Gold) -> None:
    gold.find_error()
    gold.ask("UPDATE transactions_error SET status = 'REPLAYED'")
    assert read(gold).is_empty
