"""Corrections by hand: what follows them, what does not, and how they are undone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import check_data
from jobs.checks.files import all_checks, chosen
from jobs.common.db import connect
from jobs.common.errors import UsageError
from jobs.gold import amendments, correct, replay_errors
from jobs.gold.amendments import Word
from jobs.gold.replay_errors import Filter
from tests.support.databases import Rows
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

WORD = Word("a steward", "ticket 7")
IRELAND = country("Ireland", country_id=372, iso_code="IE")
FILE = "transactions_20250303T0800.csv"


def rename(warehouse: Warehouse, name: str, country_id: int, **context: Any) -> Any:
    return correct.run(
        replace(warehouse.context, **context),
        lambda cur, run: amendments.rename(cur, run, name, country_id, WORD),
        WORD,
        {},
    )


def undo(warehouse: Warehouse, number: int) -> Any:
    word = Word("another", "a mistake")
    return correct.run(
        warehouse.context, lambda cur, run: amendments.undo(cur, number, word), word, {}
    )


def discard(warehouse: Warehouse, key: str) -> Any:
    return correct.run(
        replace(warehouse.context, spark=None),
        lambda cur, run: amendments.discard(cur, run, key, WORD),
        WORD,
        {},
    )


def lines(warehouse: Warehouse) -> Rows:
    return warehouse.gold_rows(
        "SELECT f.invoice_no, c.country FROM fact_transactions AS f"
        " JOIN dim_countries AS c USING (country_sk) ORDER BY 1"
    )


def errors(warehouse: Warehouse) -> dict[str, tuple[Any, ...]]:
    found = warehouse.gold_rows(
        "SELECT split_part(transaction_id, '-', 1), status, rules, attempts FROM transactions_error"
    )
    return {row[0]: row[1:] for row in found}


NO_COUNTRY, NO_PRICE = "unknown_country", "no_price_in_effect"


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Lines of a country that the list calls otherwise."""
    warehouse = new_warehouse()
    warehouse.deliver("countries", "countries_20250301.csv", [country(), IRELAND])
    warehouse.deliver("products", "products_20250301.csv", [product()])
    warehouse.deliver(
        "transactions",
        FILE,
        [
            line("eire", country="Eire"),
            line("both", country="Eire", stock_code="NONE"),
            line("nowhere", country="Atlantis"),
            line("good"),
        ],
    )
    warehouse.take()
    return warehouse


def test_lines_follow_a_name_that_is_corrected_and_no_others_do(shop: Warehouse) -> None:
    before = shop.gold_state()
    rename(shop, "Eire", 372, dry_run=True)
    assert shop.gold_state() == before

    done = rename(shop, "Eire", 372)

    assert done.counts["rows_in"] == 0
    assert lines(shop) == [("eire", "Ireland"), ("good", "France")]
    assert errors(shop) == {
        "eire": ("REPLAYED", [NO_COUNTRY], 2),
        "both": ("OPEN", [NO_PRICE], 2),
        "nowhere": ("OPEN", [NO_COUNTRY], 1),
    }


def test_later_lines_follow_it_too(shop: Warehouse) -> None:
    shop.deliver("transactions", "transactions_20250303T1200.csv", [line("later", country="Eire")])

    shop.take()

    assert lines(shop)[-1] == ("later", "Ireland")


def test_the_data_checks_know_what_the_name_means(shop: Warehouse) -> None:
    wanted = chosen(all_checks(), "reconcile_lines,reconcile_errors")
    found = check_data.extract(shop.context, wanted, datetime.now(UTC))

    assert [(a.check.observed, a.check.passed) for a in found] == [
        (a.check.expected, True) for a in found
    ]


def test_it_is_kept_with_who_when_and_why(shop: Warehouse) -> None:
    kept = "SELECT kind, subject, country_id, who, why, made_at::date = now()::date, followed"

    assert shop.gold_rows(f"{kept} FROM ops.corrections") == [
        ("country", "Eire", 372, "a steward", "ticket 7", True, True)
    ]


@pytest.mark.parametrize(
    ("name", "country_id", "words"),
    [
        ("Eire", 250, r"correction \d+ says something of that already"),
        ("France", 372, "'France' is a name of the countries list"),
        ("", 372, "or none at all"),
        ("Oz", 1, "no country has the id 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    shop: Warehouse, name: str, country_id: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        rename(shop, name, country_id, spark=None)


def test_a_name_that_the_list_gets_is_the_lists(shop: Warehouse) -> None:
    listed = [country(), IRELAND, country("Eire", country_id=900)]
    shop.deliver("countries", "countries_20250302.csv", listed)

    shop.take()

    assert ("eire", "Eire") in lines(shop)
    assert len(lines(shop)) == 3


def test_an_undone_correction_takes_its_lines_back(shop: Warehouse) -> None:
    shop.deliver("transactions", "transactions_20250303T1600.csv", [line("sea", country="Sea")])
    shop.take()
    rename(shop, "Sea", 372)
    assert ("sea", "Ireland") in lines(shop)
    [(number,)] = shop.gold_rows("SELECT max(correction_id) FROM ops.corrections")

    undo(shop, number)

    assert "sea" not in {row[0] for row in lines(shop)}
    assert errors(shop)["sea"][:2] == ("OPEN", [NO_COUNTRY])
    with pytest.raises(UsageError, match="is in force"):
        undo(shop, number)
    with closing(connect(shop.settings)) as conn, conn, conn.cursor() as cur:
        newest = amendments.listed(cur)[0]
    assert f"{number}  country Sea = 372  by a steward on" in newest
    assert "undone by another on" in newest


def test_a_correction_that_died_before_its_load_is_followed_by_the_next(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(correct, "bring_up_to_date", die)
    with pytest.raises(RuntimeError, match="killed"):
        rename(shop, "Atlantis", 250)
    monkeypatch.undo()
    assert errors(shop)["nowhere"][0] == "OPEN"

    shop.load()

    assert ("nowhere", "France") in lines(shop)


def test_a_discarded_line_stays_so_until_that_is_undone(shop: Warehouse) -> None:
    discard(shop, "both-1")
    assert errors(shop)["both"][0] == "DISCARDED"
    assert replay_errors.run(shop.context, Filter(rule=NO_PRICE)).counts["selected"] == 0
    with pytest.raises(UsageError, match="no open line"):
        discard(shop, "both-1")
    [(number,)] = shop.gold_rows("SELECT max(correction_id) FROM ops.corrections")

    undo(shop, number)

    assert errors(shop)["both"][0] == "OPEN"


def test_a_replay_selects_by_rule_run_file_and_attempts(shop: Warehouse) -> None:
    [(batch, tried)] = shop.gold_rows(
        "SELECT batch_id, attempts FROM transactions_error WHERE transaction_id = 'both-1'"
    )
    dry = replace(shop.context, dry_run=True)

    def selected(**wanted: Any) -> int:
        return int(replay_errors.run(dry, Filter(**wanted)).counts["selected"])

    before = errors(shop)
    assert selected() == 2  # both, sea
    assert selected(rule=NO_PRICE) == 1
    assert selected(source_file=FILE) == 1
    assert selected(source_file="another.csv") == 0
    assert selected(batch_id=batch) == 1
    assert selected(batch_id=0) == 0
    assert selected(rule=NO_PRICE, max_attempts=tried) == 0
    assert selected(rule=NO_PRICE, max_attempts=tried + 1) == 1
    assert errors(shop) == before


def test_a_replay_counts_what_it_tried_and_changes_nothing_else(shop: Warehouse) -> None:
    before, tried = shop.gold_state(), errors(shop)["both"][2]

    replay_errors.run(shop.context, Filter(rule=NO_PRICE, max_attempts=tried + 1))
    again = replay_errors.run(shop.context, Filter(rule=NO_PRICE, max_attempts=tried + 1))

    assert again.counts["selected"] == 0
    assert errors(shop)["both"] == ("OPEN", [NO_PRICE], tried + 1)
    assert shop.gold_state() == before


def test_a_replay_tells_why_a_line_is_still_bad(shop: Warehouse) -> None:
    # as an older state of the code, or of the lists, had judged it
    shop.gold_rows(
        "UPDATE transactions_error SET rules = '{unknown_country}' WHERE transaction_id = 'both-1'"
    )
    [tried] = [row[2] for name, row in errors(shop).items() if name == "both"]

    replay_errors.run(shop.context, Filter(source_file=FILE))

    assert errors(shop)["both"] == ("OPEN", [NO_PRICE], tried + 1)
