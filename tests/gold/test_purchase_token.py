"""A customer's token: opens that customer's history, until it expires, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.settings import Settings
from tests.support.databases import Rows, query

FILL = """
INSERT INTO dim_products (product_sk, stock_code, description, unit_price, effective_date,
    is_current, withdrawn)
VALUES (1, 'A1', 'RED MUG', 2.5, '2010-01-01', true, false);
INSERT INTO dim_customers (customer_sk, customer_id) VALUES (17, '17850'), (18, '1785'), (19, 'é.');
INSERT INTO dim_countries (country_sk, country_id, country) VALUES (250, 250, 'France');
INSERT INTO dim_dates (date_sk, date, year, quarter, month, month_name, day, weekday, is_weekend)
VALUES (20110105, '2011-01-05', 2011, 1, 1, 'January', 5, 'Wednesday', false);
SELECT ops.create_fact_month('2011-01-01');
SELECT ops.attach_fact_month('2011-01-01');
INSERT INTO fact_transactions
SELECT id, 1, customer, 250, 20110105, split_part(id, '-', 1), at::timestamptz, 4, 2.5, 10, false,
    1, 1, 2
FROM (VALUES
    ('9-1', 17, '2011-01-05 09:00+00'),
    ('3-2', 17, '2011-01-05 10:00+00'),
    ('3-1', 17, '2011-01-05 10:00+00'),
    ('7-1', 18, '2011-01-05 09:00+00'),
    ('8-1', -1, '2011-01-05 09:00+00'),
    ('6-1', 19, '2011-01-05 09:00+00')
) AS l (id, customer, at);
"""
HISTORY = "SELECT * FROM purchase_history(%s)"


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    query(gold_settings, FILL)
    return gold_settings


def issue(gold: Settings, customer_id: str | None, lifetime: str = "1 hour") -> str:
    statement = "SELECT ops.issue_purchase_token(%s, %s::interval)"
    return str(query(gold, statement, customer_id, lifetime, role="loader")[0][0])


def history(gold: Settings, token: str | None) -> Rows:
    return query(gold, HISTORY, token, role="customer")


def refusal(gold: Settings, token: str | None) -> tuple[Any, ...]:
    with pytest.raises(InsufficientPrivilege) as refused:
        history(gold, token)
    told = refused.value.diag
    return told.message_primary, told.message_detail, told.message_hint


REFUSED = ("the token is not valid", None, None)


def test_a_token_opens_the_history_of_its_customer_in_order(gold: Settings) -> None:
    rows = history(gold, issue(gold, "17850"))

    assert [(row[0], row[1]) for row in rows] == [
        ("17850", "9-1"),
        ("17850", "3-1"),
        ("17850", "3-2"),
    ]
    assert [str(value) for value in rows[0][2:]] == [
        "2011-01-05 09:00:00+00:00", "A1", "RED MUG", "4", "2.5000", "10.0000",
    ]  # fmt: skip


@pytest.mark.parametrize(("customer", "line"), [("1785", "7-1"), ("é.", "6-1")])
def test_any_customer_number_can_be_in_a_token(gold: Settings, customer: str, line: str) -> None:
    assert [row[1] for row in history(gold, issue(gold, customer))] == [line]


def test_a_customer_without_lines_has_an_empty_history(gold: Settings) -> None:
    assert history(gold, issue(gold, "nobody")) == []


def test_a_guest_has_no_token(gold: Settings) -> None:
    assert refusal(gold, issue(gold, None)) == REFUSED
    assert history(gold, issue(gold, "-1")) == []


def test_the_time_of_a_token_runs_out(gold: Settings) -> None:
    assert refusal(gold, issue(gold, "17850", "-2 seconds")) == REFUSED


def test_a_token_is_not_to_be_altered(gold: Settings) -> None:
    customer, until, signature = issue(gold, "17850").split(".")
    other, other_until, other_signature = issue(gold, "1785", "2 hours").split(".")
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]

    for altered in (
        f"{other}.{until}.{signature}",
        f"{customer}.{int(until) + 1}.{signature}",
        f"{customer}.{other_until}.{other_signature}",
        f"{customer}.{until}.{flipped}",
        f"{customer}.{until}.{signature[:-1]}",
        f"{customer}.{until}.{signature}0",
        f"{customer}.{until}.{signature.upper()}",
        f"{customer}.{until}.",
        f"{customer}.{until}",
        f"{customer}{until}..{signature}",
        f"{customer}.{until}.{signature}.{signature}",
        f" {customer}.{until}.{signature}",
    ):
        assert refusal(gold, altered) == REFUSED, altered


@pytest.mark.parametrize(
    "token",
    [None, "", ".", "..", "...", "17850", "a.b.c", "zz.99999999999.00", "3137.x.00",
     "3137.99999999999999999999999999.00", "' OR true --", "é.é.é", "x" * 100_000],
)  # fmt: skip
def test_garbage_is_refused_in_the_same_words(gold: Settings, token: str | None) -> None:
    assert refusal(gold, token) == REFUSED


def test_a_token_of_another_warehouse_is_refused(
    gold: Settings, new_gold: Callable[[], Settings]
) -> None:
    assert refusal(new_gold(), issue(gold, "17850")) == REFUSED


def test_the_signature_is_the_hmac_of_the_standard(gold: Settings) -> None:
    import hashlib
    import hmac

    claim, signature = issue(gold, "17850").rsplit(".", maxsplit=1)
    key = bytes(query(gold, "SELECT secret FROM ops.signing_key")[0][0])

    assert signature == hmac.new(key, claim.encode(), hashlib.sha256).hexdigest()
