"""A forced load puts right whatever gold holds otherwise than bronze says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from jobs.common.dates import EVERY_DAY, Dates
from jobs.common.errors import BadInput
from jobs.common.runlog import Run
from jobs.gold import postgres_load_fact
from tests.support.databases import Rows
from tests.support.rows import country, csv_text, line, product
from tests.support.warehouse import Warehouse

EARLY = "transactions_20250303T0400.csv"
LATE = "transactions_20250304T0000.csv"
ON_THE_3RD = Dates(date(2025, 3, 3), date(2025, 3, 3))


class Shop:
    """A loaded warehouse whose gold a test damages."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        deliver = warehouse.deliver
        for day, price in (("20250301", "2.50"), ("20250303", "3.00")):
            rows = [product("A1", unit_price=price), product("B2", unit_price="1.00")]
            deliver("products", f"products_{day}.csv", rows)
        deliver("countries", "countries_20250301.csv", [country()])
        said_first = [
            line("twice", invoice_date="2025-03-03 05:00:00", quantity=9),
            line("on the 2nd", invoice_date="2025-03-02 10:00:00", customer_id="C2"),
            line("on the 3rd"),
            line("Narnia", country="Narnia"),
            line("malformed", quantity=0),
        ]
        text = csv_text("transactions", said_first) + "no record at all\n"
        deliver("transactions", EARLY, text)
        # Another day and quantity for a line of the first file: this one counts.
        deliver("transactions", LATE, [line("twice", invoice_date="2025-03-04 05:00:00")])
        guest = line("guest", stock_code="B2", customer_id="", invoice_date="2025-04-01 00:00:00")
        deliver("transactions", "transactions_20250401T0000.csv", [guest])
        warehouse.take()
        self.right = warehouse.gold_state()

    def damage(self, statement: str) -> None:
        self.warehouse.gold_rows(statement)

    def force(self, dates: Dates = EVERY_DAY, **more: Any) -> Run:
        context = replace(self.warehouse.context, dates=dates, force=True, **more)
        return postgres_load_fact.run(context)

    def batches(self) -> Rows:
        """Postgres' own mark of who wrote a line last."""
        return self.warehouse.gold_rows(
            "SELECT transaction_id, xmin::text FROM fact_transactions ORDER BY 1"
        )

    def work(self) -> Rows:
        """What the anomaly job and the lake's star are left to do."""
        return self.warehouse.gold_rows(
            "SELECT DISTINCT stock_code, month::text FROM ops.sales_changes ORDER BY 1, 2"
        )


@pytest.fixture(scope="module")
def loaded(new_warehouse: Callable[..., Warehouse]) -> Shop:
    return Shop(new_warehouse())


@pytest.fixture
def shop(loaded: Shop) -> Shop:
    assert loaded.warehouse.gold_state() == loaded.right
    loaded.warehouse.gold_rows("DELETE FROM ops.sales_changes")
    return loaded


DAMAGE = {
    "a line is gone": "DELETE FROM fact_transactions WHERE invoice_no = 'on the 3rd'",
    "all lines are gone": "DELETE FROM fact_transactions",
    "a month is gone": "DROP TABLE fact_transactions_2025_03",
    "a line that counts is gone": "DELETE FROM fact_transactions WHERE invoice_no = 'twice'",
    "a price": "UPDATE fact_transactions SET unit_price = 99 WHERE invoice_no = 'on the 3rd'",
    "a total": "UPDATE fact_transactions SET total_amount = 0 WHERE invoice_no = 'on the 3rd'",
    "a flag": "UPDATE fact_transactions SET is_return = TRUE WHERE invoice_no = 'guest'",
    "an invoice": "UPDATE fact_transactions SET invoice_no = 'x' WHERE invoice_no = 'guest'",
    "a day": "UPDATE fact_transactions SET date_sk = 20250331 WHERE invoice_no = 'on the 2nd'",
    "a time": (
        "UPDATE fact_transactions SET invoice_date = '2025-03-30 00:00Z'"
        " WHERE invoice_no = 'on the 2nd'"
    ),
    "a place": (
        "UPDATE fact_transactions SET source_line = 99, file_key = (SELECT file_key"
        f" FROM ops.loaded_files WHERE source_file = '{LATE}') WHERE invoice_no = 'on the 3rd'"
    ),
    "the loser in the winner's place": (
        "UPDATE fact_transactions SET quantity = 9, total_amount = 27, date_sk = 20250303,"
        " invoice_date = '2025-03-03 05:00Z' WHERE invoice_no = 'twice'"
    ),
    "a line that nobody sold": (
        "INSERT INTO fact_transactions SELECT 'ghost-1', product_sk, customer_sk, country_sk,"
        " date_sk, 'ghost', invoice_date, 5, unit_price, 5 * unit_price, FALSE, batch_id, file_key,"
        " 98 FROM fact_transactions WHERE invoice_no = 'on the 3rd'"
    ),
    "a line twice": (
        "INSERT INTO fact_transactions SELECT transaction_id, product_sk, customer_sk, country_sk,"
        " 20250305, invoice_no, '2025-03-05 00:00Z', quantity, unit_price, total_amount, is_return,"
        " batch_id, file_key, source_line FROM fact_transactions WHERE invoice_no = 'on the 3rd'"
    ),
    "an error is gone": "DELETE FROM transactions_error WHERE transaction_id = 'Narnia-1'",
    "all errors are gone": "DELETE FROM transactions_error",
    "an error's rules": "UPDATE transactions_error SET rules = '{x}', raw = '{}', source_line = 1",
    "an error's state": "UPDATE transactions_error SET status = 'REPLAYED'",
    "an error that nobody made": (
        "INSERT INTO transactions_error SELECT 'x', 'ghost-1', raw, rules, source_file, 97,"
        " file_key, batch_id FROM transactions_error WHERE transaction_id = 'Narnia-1'"
    ),
    "a loaded line in error": (
        "INSERT INTO transactions_error SELECT 'x', 'on the 3rd-1', raw, rules, source_file, 4,"
        " file_key, batch_id FROM transactions_error WHERE transaction_id = 'Narnia-1'"
    ),
    "sums of a month": "UPDATE ops.sales_by_month SET lines = 1, revenue = -1",
    "sums of a buyer": "DELETE FROM ops.sales_by_buyer",
    "sums of a day": "UPDATE ops.sales_by_day SET lines = 9, sales = 1, returned = 2",
    "a product's price": "UPDATE dim_products SET unit_price = 77, description = 'x'",
    "a country": "UPDATE dim_countries SET country = 'Atlantis', region = NULL",
    "a customer's range": "UPDATE dim_customers SET first_purchase = '2001-01-01'",
    "a customer's name": "UPDATE dim_customers SET customer_id = 'C9' WHERE customer_id = 'C2'",
    "a customer who never bought": "INSERT INTO dim_customers VALUES (9, 'C9', now(), now())",
    "a date": "UPDATE dim_dates SET weekday = 'Caturday', is_weekend = TRUE",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=list(DAMAGE))
def test_what_was_damaged_is_put_right(shop: Shop, statement: str) -> None:
    shop.damage(statement)
    assert shop.warehouse.gold_state() != shop.right

    run = shop.force()

    assert shop.warehouse.gold_state() == shop.right
    assert run.counts["rows_in"] == run.counts["loaded"] == 0


def test_where_nothing_is_wrong_no_line_is_written_and_nothing_is_left_to_do(shop: Shop) -> None:
    before = shop.batches()

    run = shop.force()

    assert shop.batches() == before
    assert shop.work() == []
    assert (run.counts["looked_at_again"], run.counts["restated"]) == (8, 0)


def test_later_jobs_learn_of_what_was_put_right(shop: Shop) -> None:
    shop.damage("DELETE FROM fact_transactions WHERE invoice_no = 'guest'")

    run = shop.force()

    assert shop.work() == [("B2", "2025-04-01")]
    months = "SELECT month::text FROM ops.fact_months WHERE batch_id = %s"
    assert shop.warehouse.gold_rows(months, run.run_id) == [("2025-04-01",)]
    assert run.counts["restated"] == 1


def test_only_lines_of_the_range_are_looked_at(shop: Shop) -> None:
    shop.damage("UPDATE fact_transactions SET unit_price = 99")

    run = shop.force(ON_THE_3RD)

    # both rows of the line that was said twice, so that the right one counts
    assert run.counts["looked_at_again"] == 6
    wrong = "SELECT invoice_no FROM fact_transactions WHERE unit_price = 99 ORDER BY 1"
    assert shop.warehouse.gold_rows(wrong) == [("guest",), ("on the 2nd",)]
    shop.force(Dates(last=date(2025, 3, 2)))
    assert shop.warehouse.gold_rows(wrong) == [("guest",)]
    shop.force(Dates(first=date(2025, 4, 1)))
    assert shop.warehouse.gold_state() == shop.right


def test_a_line_of_the_range_that_another_day_s_row_beats_stays_beaten(shop: Shop) -> None:
    shop.damage("DELETE FROM fact_transactions WHERE invoice_no = 'twice'")

    shop.force(ON_THE_3RD)

    assert shop.warehouse.gold_state() == shop.right


def test_a_range_tells_of_lines_that_nobody_sold_and_leaves_them(shop: Shop) -> None:
    shop.damage(DAMAGE["a line that nobody sold"])

    run = shop.force(ON_THE_3RD)

    check = (
        "SELECT severity, passed, observed FROM ops.checks WHERE run_id = %s AND check_name = %s"
    )
    told = shop.warehouse.gold_rows(check, run.run_id, "every_line_is_of_bronze")
    assert told == [("warn", False, "1")]
    shop.force()


def test_what_a_person_discarded_stays_discarded(shop: Shop) -> None:
    shop.damage(
        "UPDATE transactions_error SET status = 'DISCARDED' WHERE transaction_id = 'Narnia-1'"
    )

    shop.force()

    discarded = "SELECT transaction_id FROM transactions_error WHERE status = 'DISCARDED'"
    assert shop.warehouse.gold_rows(discarded) == [("Narnia-1",)]
    shop.damage("UPDATE transactions_error SET status = 'OPEN' WHERE status = 'DISCARDED'")


def test_new_files_come_along_and_older_ones_do_not_win(shop: Shop) -> None:
    name = "transactions_20250303T0000.csv"
    shop.warehouse.deliver(
        "transactions", name, [line("twice", quantity=7, invoice_date="2025-03-03 01:00:00")]
    )
    shop.warehouse.ingest()

    run = shop.force(Dates(last=date(2025, 3, 1)))

    assert (run.counts["rows_in"], run.counts["superseded"]) == (1, 1)
    assert shop.warehouse.gold_state() == shop.right


def test_a_dry_run_says_how_many_lines(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.force(Dates(date(2025, 3, 2), date(2025, 3, 2)), dry_run=True)

    words = "would load 0 lines of 0 files, and look again at 1 lines of 2025-03-02"
    assert words in capsys.readouterr().out


def test_a_run_keeps_what_it_was_called_with(shop: Shop) -> None:
    run = shop.force(ON_THE_3RD)

    kept = "SELECT parameters ->> 'from', parameters ->> 'to', parameters ->> 'force'"
    assert shop.warehouse.gold_rows(f"{kept} FROM ops.runs WHERE run_id = %s", run.run_id) == [
        ("2025-03-03", "2025-03-03", "true")
    ]


def test_files_of_other_dates_stay_and_are_no_strangers(shop: Shop) -> None:
    warehouse = shop.warehouse
    names = [f"transactions_2025050{day}T2000.csv" for day in (1, 2, 3)]
    for number, name in enumerate(names):
        warehouse.deliver("transactions", name, [line(f"May {number}")])
    lists = [f"products_2025050{day}.csv" for day in (1, 2, 3)]
    for number, name in enumerate(lists):
        rows = [product(code, unit_price=f"{number}.00") for code in ("A1", "B2")]
        warehouse.deliver("products", name, rows)
    only = Dates(date(2025, 5, 2), date(2025, 5, 2))
    context = replace(warehouse.context, dates=only)

    runs = Warehouse(context, warehouse.landing).ingest()

    assert {name: run.counts["files"] for name, run in runs.items()} == {
        "products": 1,
        "transactions": 1,
    }
    assert [run.warnings for run in runs.values()] == [[], []]
    assert warehouse.waiting("transactions") == [names[0], names[2]]
    assert warehouse.waiting("products") == [lists[0], lists[2]]


def test_forced_price_lists_replace_those_of_their_date(shop: Shop) -> None:
    warehouse = shop.warehouse
    for path in (*warehouse.landing.glob("products/*"), *warehouse.landing.glob("transactions/*")):
        path.unlink()
    rows = [product("A1", unit_price="8.00"), product("B2", unit_price="1.00")]
    warehouse.deliver("products", "products_20250502.csv", rows)
    with pytest.raises(BadInput, match="bronze already holds other content"):
        warehouse.ingest()
    warehouse.deliver("products", "products_20250502.csv", rows)

    forced = Warehouse(replace(warehouse.context, force=True), warehouse.landing)
    assert forced.ingest()["products"].counts["files"] == 1
