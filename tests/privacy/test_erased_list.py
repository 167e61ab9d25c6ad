"""The list of erased customers: keyed hashes, who may ask it, and what asking costs."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import closing

import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.db import Role, connect
from jobs.common.erased import any_erased, erased_among
from jobs.common.settings import Settings
from tests.support.databases import query

LONG_AGO = "INSERT INTO ops.runs (job, who, backend_pid) VALUES ('a', 'b', 0) RETURNING run_id"
LISTED = (
    "INSERT INTO ops.erased_customers (customer_hash, who, why, run_id)"
    " SELECT customer_hash, 'w', 'y', %s FROM ops.hash_customers(%s::text[])"
)


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    """10,000 erased customers."""
    [(run_id,)] = query(gold_settings, LONG_AGO)
    query(gold_settings, LISTED, run_id, [f"gone {n}" for n in range(10_000)], role="loader")
    return gold_settings


def test_the_hash_is_the_hmac_of_the_standard(gold: Settings) -> None:
    [(secret,)] = query(gold, "SELECT secret FROM ops.erasure_key")
    asked = "SELECT * FROM ops.hash_customers('{17850,é.}')"

    assert query(gold, asked, role="loader") == [
        (each, hmac.new(bytes(secret), each.encode(), hashlib.sha256).hexdigest())
        for each in ("17850", "é.")
    ]


def test_the_key_of_a_customer_is_that_of_the_load(gold: Settings) -> None:
    digest = hashlib.sha256(b"17850").hexdigest()

    assert query(gold, "SELECT ops.customer_key('17850')") == [(int(digest[:15], 16),)]


def test_of_many_customers_the_erased_ones_are_found_in_little_time(gold: Settings) -> None:
    asked = [f"gone {n}" for n in range(9_990, 10_010)] + [f"here {n}" for n in range(5_000)]

    with closing(connect(gold)) as conn, conn, conn.cursor() as cur:
        start = time.perf_counter()
        found = erased_among(cur, asked)
        took = time.perf_counter() - start

    assert found == {f"gone {n}" for n in range(9_990, 10_000)}
    assert took < 2


def test_where_nobody_was_erased_nobody_is_found(settings: Settings, new_gold: object) -> None:
    empty = new_gold()  # type: ignore[operator]
    with closing(connect(empty)) as conn, conn, conn.cursor() as cur:
        assert not any_erased(cur)
        assert erased_among(cur, ["gone 1"]) == frozenset()


@pytest.mark.parametrize("role", ["analyst", "reader", "customer"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM ops.erased_among('{1}')",
        "SELECT * FROM ops.hash_customers('{1}')",
        "SELECT ops.customer_key('1')",
        "SELECT ops.forget_customer('1', 1)",
        "DELETE FROM ops.erased_customers",
        "INSERT INTO ops.redacted_files VALUES ('a', 'b', 1)",
    ],
)
def test_only_the_loader_asks_and_erases(gold: Settings, role: Role, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        query(gold, statement, role=role)


def test_what_is_on_the_list_stays(gold: Settings) -> None:
    for statement in (
        "DELETE FROM ops.erased_customers",
        "UPDATE ops.erased_customers SET why='x'",
    ):
        with pytest.raises(InsufficientPrivilege):
            query(gold, statement, role="loader")
