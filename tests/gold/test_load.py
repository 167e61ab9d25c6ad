"""Bronze to gold, told as one story: each delivery moves what it concerns and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from jobs.common.runlog import Run
from jobs.gold import postgres_load_fact, replay_errors, staging
from jobs.gold.replay_errors import Filter
from tests.support.rows import country, csv_text, line, product
from tests.support.warehouse import Warehouse

Row = dict[str, Any]

NARNIA = country("Narnia", country_id=999, iso_code="")
GERMANY = country("Germany", country_id=276)
WIDE = "transactions_20250303T0800.csv"
MONTH_END = "transactions_20250331T2000.csv"


@dataclass
class State:
    """Gold after a step; lines by invoice, most have one."""

    facts: dict[str, tuple[Any, ...]]  # stock code, version's first day, price, total, country
    errors: dict[str | None, tuple[Any, ...]]  # rules, status
    attempts: dict[str | None, int]
    batches: dict[str, tuple[int, str]]  # batch, and Postgres' mark of who wrote the row last
    whole: dict[str, Any]
    counts: dict[str, Any]


def state(shop: Warehouse, run: Run) -> State:
    facts = shop.gold_rows(
        "SELECT f.invoice_no, p.stock_code, p.effective_date, f.unit_price, f.total_amount,"
        " c.country, f.batch_id, f.xmin::text FROM fact_transactions AS f"
        " JOIN dim_products AS p USING (product_sk) JOIN dim_countries AS c USING (country_sk)"
    )
    errors = shop.gold_rows(
        "SELECT split_part(transaction_id, '-', 1), rules, status, attempts FROM transactions_error"
    )
    return State(
        {row[0]: (row[1], row[2], row[3], row[4], row[5]) for row in facts},
        {row[0]: (row[1], row[2]) for row in errors},
        {row[0]: row[3] for row in errors},
        {row[0]: row[6:] for row in facts},
        shop.gold_state(),
        dict(run.counts),
    )


def mar(day: int) -> date:
    return date(2025, 3, day)


def fact(
    code: str, first: date, price: str, quantity: int = 2, country: str = "France"
) -> tuple[Any, ...]:
    amount = Decimal(price).quantize(Decimal("0.0001"))
    return (code, first, amount, amount * quantity, country)


class Story:
    """A warehouse, and gold after each step of its story."""

    def __init__(self, shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.patch = shop, monkeypatch
        self.after: dict[str, State] = {}

    def keep(self, step: str, run: Run) -> None:
        self.after[step] = state(self.shop, run)

    def prices(self, day: str, **given: str) -> None:
        rows = [product(code, unit_price=price) for code, price in given.items()]
        self.shop.deliver("products", f"products_{day}.csv", rows)

    def countries(self, day: str, *rows: Row) -> None:
        self.shop.deliver("countries", f"countries_{day}.csv", rows)

    def told(self) -> Story:
        self.first_files()
        self.prices("20250302", A1="3.00", B2="1.00", C3="4.00")
        self.keep("late prices", self.shop.take())
        self.prices("20250226", A1="2.00", NEW="7.00")
        self.countries("20250304", country(), GERMANY, NARNIA)
        self.keep("late product and country", self.shop.take())
        self.prices("20250302", A1="2.50", B2="1.00", C3="4.00")
        self.countries("20250201", country("Allemagne", country_id=276))
        self.keep("replaced prices, renamed country", self.shop.take(replace=True))
        self.winners_while_a_file_arrives()
        self.shop.gold_rows("UPDATE ops.watermarks SET snapshot_id = 1")
        self.keep("what arrived meanwhile", self.shop.load())
        self.shop.deliver("transactions", "transactions_20250307T0000.csv", self.wide)
        self.keep("again", self.shop.take())
        replayed = replay_errors.run(self.shop.context, Filter(rule="no_price_in_effect"))
        self.keep("tried again by hand", replayed)
        return self

    def first_files(self) -> None:
        self.prices("20250301", A1="2.50", B2="1.00", C3="4.00")
        self.countries("20250301", country(), GERMANY)
        self.wide = csv_text(
            "transactions",
            [
                line("early", invoice_date="2025-02-27 10:00:00"),
                line("on the 1st", invoice_date="2025-03-01 00:00:00"),
                line("on the 2nd", invoice_date="2025-03-02 00:00:00"),
                line("on the 3rd"),
                line("guest", stock_code="b2", quantity=-1, customer_id=""),
                line("Narnia", stock_code="C3", country="Narnia"),
                line("new code", stock_code="NEW", country="Germany"),
                line("both", stock_code="NEW", country="Atlantis"),
                line("never listed", stock_code="NONE"),
                line("malformed", quantity=0),
                line("odd bytes", customer_id="C\x009"),
                line("Allemagne", country="Allemagne"),
            ],
        )
        self.shop.deliver("transactions", WIDE, self.wide)
        self.shop.deliver(
            "transactions",
            MONTH_END,
            [
                line("last of March", invoice_date="2025-03-31 23:59:59"),
                line("first of April", invoice_date="2025-04-01 00:00:00"),
            ],
        )
        self.keep("first", self.shop.take())

    def winners_while_a_file_arrives(self) -> None:
        """A greater and a lesser row for one line; and a file comes in during the load."""
        self.shop.deliver(
            "transactions", "transactions_20250304T0000.csv", [line("on the 3rd", quantity=5)]
        )
        self.shop.deliver(
            "transactions", "transactions_20250303T0400.csv", [line("on the 3rd", quantity=9)]
        )
        self.shop.ingest()
        stage = postgres_load_fact._stage_reference

        def arrive(*given: Any) -> None:
            stage(*given)
            self.shop.deliver("transactions", "transactions_20250305T0000.csv", self.bad_lines())
            self.shop.ingest()

        with self.patch.context() as patch:
            patch.setattr(postgres_load_fact, "_stage_reference", arrive)
            self.keep("winners", self.shop.load())

    def bad_lines(self) -> str:
        return csv_text("transactions", []) + "no record at all\n"


@pytest.fixture(scope="module")
def story(new_warehouse: Callable[..., Warehouse]) -> Story:
    shop = new_warehouse(products_max_shrink=1.0, countries_max_shrink=1.0)
    with pytest.MonkeyPatch.context() as patch:
        return Story(shop, patch).told()


@pytest.fixture(scope="module")
def after(story: Story) -> dict[str, State]:
    return story.after


FIRST_FACTS = {
    "on the 1st": fact("A1", mar(1), "2.50"),
    "on the 2nd": fact("A1", mar(1), "2.50"),
    "on the 3rd": fact("A1", mar(1), "2.50"),
    "guest": fact("B2", mar(1), "1.00", -1),
    "last of March": fact("A1", mar(1), "2.50"),
    "first of April": fact("A1", mar(1), "2.50"),
}
FIRST_ERRORS = {
    "early": (["no_price_in_effect"], "OPEN"),
    "Narnia": (["unknown_country"], "OPEN"),
    "new code": (["no_price_in_effect"], "OPEN"),
    "both": (["no_price_in_effect", "unknown_country"], "OPEN"),
    "never listed": (["no_price_in_effect"], "OPEN"),
    "malformed": (["malformed_row"], "OPEN"),
    "odd bytes": (["malformed_row"], "OPEN"),
    "Allemagne": (["unknown_country"], "OPEN"),
}
RESTATED = {
    name: fact("A1", mar(2), "3.00")
    for name in ("on the 2nd", "on the 3rd", "last of March", "first of April")
}


def test_lines_are_priced_or_in_error_and_none_is_lost(after: dict[str, State]) -> None:
    assert after["first"].facts == FIRST_FACTS
    assert after["first"].errors == FIRST_ERRORS
    counts = after["first"].counts
    assert (counts["rows_in"], counts["loaded"], counts["error"]) == (14, 6, 8)
    assert counts["error_by_rule"] == {
        "malformed_row": 2,
        "no_price_in_effect": 4,
        "unknown_country": 3,
    }


def test_raw_keeps_the_fields_as_they_came_and_writes_odd_bytes_as_hex(story: Story) -> None:
    rows = dict(
        story.shop.gold_rows(
            "SELECT split_part(transaction_id, '-', 1), raw FROM transactions_error"
        )
    )
    as_text = {name: str(value) for name, value in line("malformed", quantity=0).items()}
    assert rows["malformed"] == as_text
    assert rows["odd bytes"] == {**as_text, "invoice_no": "odd bytes", "quantity": "2",
                                 "customer_id": "C\\x009"}  # fmt: skip
    assert rows["never listed"] == {**as_text, "invoice_no": "never listed", "quantity": "2",
                                    "stock_code": "NONE"}  # fmt: skip


def test_a_guest_is_no_error_and_a_return_has_a_negative_total(story: Story) -> None:
    rows = story.shop.gold_rows(
        "SELECT customer_sk, quantity, total_amount, is_return FROM fact_transactions"
        " WHERE invoice_no = 'guest'"
    )
    assert rows == [(-1, -1, Decimal("-1.0000"), True)]


def test_midnight_parts_the_months(story: Story) -> None:
    rows = story.shop.gold_rows(
        "SELECT tableoid::regclass::text, count(*) FROM fact_transactions"
        " WHERE invoice_no IN ('last of March', 'first of April', 'early') GROUP BY 1 ORDER BY 1"
    )
    assert rows == [
        ("fact_transactions_2025_02", 1),
        ("fact_transactions_2025_03", 1),
        ("fact_transactions_2025_04", 1),
    ]


def test_late_prices_restate_the_lines_they_cover(after: dict[str, State]) -> None:
    now = after["late prices"]
    assert now.facts == {**FIRST_FACTS, **RESTATED}
    assert now.errors == FIRST_ERRORS
    assert (now.counts["rows_in"], now.counts["restated"]) == (0, 4)


def test_late_prices_leave_other_lines_as_they_were(after: dict[str, State]) -> None:
    before, now = after["first"].batches, after["late prices"].batches
    assert {name for name in now if now[name] == before[name]} == {"on the 1st", "guest"}


def test_a_late_product_and_a_late_country_move_their_lines_to_the_fact(
    after: dict[str, State],
) -> None:
    before, now = after["late prices"], after["late product and country"]
    assert now.facts == {
        **before.facts,
        "early": fact("A1", date(2025, 2, 26), "2.00"),
        "new code": fact("NEW", date(2025, 2, 26), "7.00", country="Germany"),
        "Narnia": fact("C3", mar(1), "4.00", country="Narnia"),
    }
    assert {name: row for name, row in now.errors.items() if before.errors[name] != row} == {
        "early": (["no_price_in_effect"], "REPLAYED"),
        "new code": (["no_price_in_effect"], "REPLAYED"),
        "Narnia": (["unknown_country"], "REPLAYED"),
        "both": (["unknown_country"], "OPEN"),
    }


def test_lines_loaded_before_keep_their_row_when_others_join(after: dict[str, State]) -> None:
    before, now = after["late prices"].batches, after["late product and country"].batches
    assert {name: now[name] for name in before} == before


def test_a_replaced_list_takes_its_version_and_its_prices_back(after: dict[str, State]) -> None:
    now = after["replaced prices, renamed country"]
    assert {name: now.facts[name] for name in RESTATED} == {
        name: FIRST_FACTS[name] for name in RESTATED
    }
    versions = {(row[1], row[5]) for row in now.whole["dim_products"] if row[1] == "A1"}
    assert versions == {("A1", date(2025, 2, 26)), ("A1", mar(1))}


def test_an_earlier_dated_file_renames_a_country(after: dict[str, State]) -> None:
    now = after["replaced prices, renamed country"]
    names = {row[0]: row[2] for row in now.whole["dim_countries"]}
    assert names == {250: "France", 276: "Allemagne", 999: "Narnia"}
    assert now.facts["Allemagne"] == fact("A1", mar(1), "2.50", country="Allemagne")
    assert now.errors["Allemagne"] == (["unknown_country"], "REPLAYED")
    assert "new code" not in now.facts
    assert now.errors["new code"] == (["unknown_country"], "OPEN")
    assert now.counts["moved_to_error"] == 1


def test_the_greatest_row_of_a_line_wins(after: dict[str, State]) -> None:
    before, now = after["replaced prices, renamed country"], after["winners"]
    assert now.facts == {**before.facts, "on the 3rd": fact("A1", mar(1), "2.50", 5)}
    counts = now.counts
    assert (counts["rows_in"], counts["loaded"], counts["superseded"]) == (2, 1, 1)


def test_a_file_that_arrives_during_a_load_is_taken_by_the_next(after: dict[str, State]) -> None:
    assert None not in after["winners"].errors
    now = after["what arrived meanwhile"]
    assert now.errors == {**after["winners"].errors, None: (["malformed_row"], "OPEN")}
    assert (now.counts["files"], now.counts["rows_in"], now.counts["error"]) == (1, 1, 1)


def test_when_the_position_is_lost_files_are_still_taken_once(after: dict[str, State]) -> None:
    before, now = after["winners"], after["what arrived meanwhile"]
    assert (now.facts, now.batches) == (before.facts, before.batches)


def test_a_file_again_under_another_name_changes_nothing(after: dict[str, State]) -> None:
    before, now = after["what arrived meanwhile"], after["again"]
    assert now.counts == {"rows_in": 0, "loaded": 0}
    assert (now.whole, now.batches, now.attempts) == (before.whole, before.batches, before.attempts)


def test_errors_are_tried_again_by_hand_where_the_rule_fits(after: dict[str, State]) -> None:
    before, now = after["again"], after["tried again by hand"]
    assert now.counts["selected"] == 1
    assert now.attempts == {**before.attempts, "never listed": before.attempts["never listed"] + 1}
    assert (now.whole, now.batches) == (before.whole, before.batches)


def test_in_the_end_gold_is_what_one_load_of_all_would_have_made(
    story: Story, new_gold: Callable[[], Any]
) -> None:
    fresh = replace(story.shop.context, settings=new_gold())
    other = Warehouse(fresh, story.shop.landing)
    other.load()
    try:
        found, expected = other.gold_state(), story.after["again"].whole
        assert found == expected
    finally:
        other.close()


def test_gold_knows_which_lists_it_has_taken_also_those_that_changed_nothing(story: Story) -> None:
    taken = (
        "SELECT dataset, snapshot_date::text, source_file, row_count FROM ops.loaded_snapshots"
        " ORDER BY 1, 2, loaded_at"
    )
    told = [
        ("countries", "2025-02-01", "countries_20250201.csv", 1),
        ("countries", "2025-03-01", "countries_20250301.csv", 2),
        ("countries", "2025-03-04", "countries_20250304.csv", 3),
        ("products", "2025-02-26", "products_20250226.csv", 2),
        ("products", "2025-03-01", "products_20250301.csv", 3),
        ("products", "2025-03-02", "products_20250302.csv", 3),
        ("products", "2025-03-02", "products_20250302.csv", 3),
    ]
    assert story.shop.gold_rows(taken) == told
    story.prices("20250303", A1="2.50", B2="1.00", C3="4.00")
    run = story.shop.take()
    assert story.shop.gold_state() == story.after["again"].whole
    assert run.counts["rows_in"] == 0
    late = ("products", "2025-03-03", "products_20250303.csv", 3)
    assert story.shop.gold_rows(taken) == [*told, late]


def test_a_dry_run_says_what_would_be_loaded(
    story: Story, capsys: pytest.CaptureFixture[str], new_gold: Callable[[], Any]
) -> None:
    shop = Warehouse(replace(story.shop.context, settings=new_gold(), dry_run=True), "")  # type: ignore[arg-type]
    shop.load()
    assert "would load 17 lines of 5 files" in capsys.readouterr().out
    assert shop.gold_rows("SELECT count(*) FROM ops.loaded_files") == [(0,)]
    shop.close()


def test_withdrawn_products_have_no_price_until_they_are_listed_again(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    shop = new_warehouse(products_missing="invalidate", products_max_shrink=1.0)
    story = Story(shop, pytest.MonkeyPatch())
    days = (2, 3, 5)
    sold = [line(f"on {day}", invoice_date=f"2025-03-0{day} 09:00:00") for day in days]
    shop.deliver("transactions", "transactions_20250305T0800.csv", sold)
    shop.deliver("countries", "countries_20250301.csv", [country()])
    story.prices("20250301", A1="1.00", B2="1.00")
    story.prices("20250303", B2="1.00")
    story.keep("withdrawn on the 3rd", shop.take())
    story.prices("20250304", A1="1.00", B2="1.00")
    story.keep("listed again on the 4th", shop.take())
    story.prices("20250302", B2="1.00")
    story.keep("already withdrawn on the 2nd", shop.take())
    loaded = {step: sorted(now.facts) for step, now in story.after.items()}
    assert loaded == {
        "withdrawn on the 3rd": ["on 2"],
        "listed again on the 4th": ["on 2", "on 5"],
        "already withdrawn on the 2nd": ["on 5"],
    }
    assert story.after["already withdrawn on the 2nd"].errors == {
        "on 2": (["no_price_in_effect"], "OPEN"),
        "on 3": (["no_price_in_effect"], "OPEN"),
        "on 5": (["no_price_in_effect"], "REPLAYED"),
    }


def test_what_a_list_changes_is_copied_by_tasks_only_when_it_is_much(
    new_warehouse: Callable[..., Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_tasks = list[str]()
    copy = staging._copy_by_tasks

    def noted(rows: Any, statement: str, settings: Any) -> Any:
        by_tasks.append(statement)
        return copy(rows, statement, settings)

    monkeypatch.setattr(staging, "FEW", 2)
    monkeypatch.setattr(staging, "_copy_by_tasks", noted)
    shop = new_warehouse()
    story = Story(shop, monkeypatch)
    story.prices("20250301", A1="1.00", B2="1.00", C3="1.00")
    shop.take()
    assert ["staging.productsopen" in each for each in by_tasks] == [True]
    story.prices("20250303", A1="2.00", B2="1.00", C3="1.00")
    shop.take()
    assert len(by_tasks) == 1
    story.prices("20250302", A1="3.00", B2="3.00", C3="1.00")
    shop.take()
    assert len(by_tasks) == 2
    versions = "SELECT stock_code, unit_price, effective_date FROM dim_products ORDER BY 1, 3"
    assert [(code, int(price), day.day) for code, price, day in shop.gold_rows(versions)] == [
        *(("A1", 1, 1), ("A1", 3, 2), ("A1", 2, 3)),
        *(("B2", 1, 1), ("B2", 3, 2), ("B2", 1, 3)),
        ("C3", 1, 1),
    ]
