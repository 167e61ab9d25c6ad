"""The views, on small histories whose answers are written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal

import pytest

from jobs.common.db import connect
from jobs.common.settings import Settings
from tests.notify.gold import Gold
from tests.support.databases import Rows, query

MONTHS = ("2011-01-01", "2011-02-01", "2011-03-01")
EMPTIED = (
    "anomalies", "anomaly_baselines", "transactions_error", "fact_transactions", "dim_products",
    "dim_customers", "dim_countries", "dim_dates", "ops.sales_changes", "ops.runs",
)  # fmt: skip
REGIONS = {250: ("France", "Europe"), 276: ("Germany", "Europe"), 392: ("Japan", "Asia")}
CATEGORIES = {1: ("A1", "Kitchen"), 2: ("B2", "Garden"), 3: ("C3", None)}


class Shop:
    """Puts lines into gold; what a line points to comes with it."""

    def __init__(self, findings: Gold) -> None:
        self.findings = findings
        self.lines = 0

    def product(self, key: int, code: str, start: str, **given: object) -> None:
        """A version of a product; it is current unless it ends."""
        end = given.get("end_date")
        row = {
            "product_sk": key,
            "stock_code": code,
            "description": "RED MUG",
            "unit_price": "1",
            "effective_date": start,
            "is_current": end is None,
            "withdrawn": False,
            **given,
        }
        self.findings.insert("dim_products", row)

    def catalogue(self) -> None:
        """Three products in two categories and none, three countries in two regions."""
        for key, (code, category) in CATEGORIES.items():
            self.product(key, code, "2010-01-01", category=category)
        for country, (name, region) in REGIONS.items():
            row = {"country_sk": country, "country_id": country, "country": name, "region": region}
            self.findings.insert("dim_countries", row)

    def sell(self, total: str, customer: str | None = None, **given: object) -> str:
        """One line; the total is quantity x price. Returns its transaction_id."""
        self.lines += 1
        at = str(given.pop("at", "2011-01-05 10:00+00"))
        quantity = int(str(given.pop("quantity", -1 if total.startswith("-") else 1)))
        row = {
            "transaction_id": f"{self.lines}-1",
            "product_sk": 1,
            "customer_sk": self._customer(customer),
            "country_sk": 250,
            "date_sk": self._day(at),
            "invoice_no": str(self.lines),
            "invoice_date": at,
            "quantity": quantity,
            "unit_price": Decimal(total) / quantity,
            "total_amount": total,
            "is_return": quantity < 0,
            "batch_id": 1,
            "file_key": 1,
            "source_line": 2,
            **given,
        }
        self.findings.insert("fact_transactions", row)
        return f"{self.lines}-1"

    def _customer(self, customer: str | None) -> int:
        if customer is None:
            return -1
        key = int.from_bytes(customer.encode(), "big")
        self.findings.ask(
            "INSERT INTO dim_customers VALUES (%s, %s) ON CONFLICT DO NOTHING", key, customer
        )
        return key

    def _day(self, at: str) -> int:
        day = date.fromisoformat(at[:10])
        key = day.year * 10000 + day.month * 100 + day.day
        self.findings.ask(
            "INSERT INTO dim_dates VALUES (%s, %s, %s, 1, %s, 'a month', %s, 'a day', false)"
            " ON CONFLICT DO NOTHING",
            *(key, day, day.year, day.month, day.day),
        )
        return key


@pytest.fixture(scope="module")
def findings(gold_settings: Settings) -> Iterator[Gold]:
    gold = Gold(gold_settings)
    for month in MONTHS:
        gold.ask("SELECT ops.create_fact_month(%s)", month)
        gold.ask("SELECT ops.attach_fact_month(%s)", month)
    yield gold
    gold.loader.close()


@pytest.fixture
def shop(findings: Gold) -> Shop:
    """An empty gold."""
    for table in EMPTIED:
        query(findings.settings, f"DELETE FROM {table}")
    query(findings.settings, "INSERT INTO dim_customers (customer_sk) VALUES (-1)")
    return Shop(findings)


def read(shop: Shop, view: str, order: str = "1, 2", zone: str = "UTC") -> Rows:
    """A view as a client in some time zone reads it."""
    settings = shop.findings.settings
    with closing(connect(settings, "reader")) as conn, conn, conn.cursor() as cur:
        cur.execute("SET timezone = %s", (zone,))
        cur.execute(f"SELECT * FROM {view} ORDER BY {order}")
        return cur.fetchall()


def test_top_buyers_are_ranked_in_their_region_net_of_returns(shop: Shop) -> None:
    shop.catalogue()
    shop.sell("100", "anna")
    shop.sell("-70", "anna")
    shop.sell("20", "ben")
    shop.sell("20.5", "ben", country_sk=276)
    shop.sell("5", "ben", country_sk=392)
    shop.sell("-3", "carl", country_sk=392)
    shop.sell("999")

    assert read(shop, "v_top_buyers_by_region") == [
        ("Asia", 1, "ben", Decimal(5)),
        ("Asia", 2, "carl", Decimal(-3)),
        ("Europe", 1, "ben", Decimal("40.5")),
        ("Europe", 2, "anna", Decimal(30)),
    ]


def test_top_buyers_are_ten_and_ties_go_by_customer_id(shop: Shop) -> None:
    shop.catalogue()
    for customer in ("c", "b", "é", "Z", "10", "9", "A", "a", "B"):
        shop.sell("10", customer)
    for customer in ("y", "x", "z"):
        shop.sell("20", customer)

    found = [(rank, customer) for _, rank, customer, _ in read(shop, "v_top_buyers_by_region")]

    assert found == list(enumerate(["x", "y", "z", "10", "9", "A", "B", "Z", "a", "b"], start=1))


def test_sales_by_category_are_net_of_returns(shop: Shop) -> None:
    shop.catalogue()
    shop.sell("12.5", quantity=5)
    shop.sell("-2.5", quantity=-1)
    shop.sell("7", quantity=7, product_sk=2)
    shop.sell("1", product_sk=3)

    assert read(shop, "v_sales_by_category", "1 NULLS LAST") == [
        ("Garden", Decimal(7), 7),
        ("Kitchen", Decimal(10), 4),
        (None, Decimal(1), 1),
    ]


def test_a_category_is_that_of_the_version_in_effect(shop: Shop) -> None:
    shop.catalogue()
    query(
        shop.findings.settings,
        "UPDATE dim_products SET end_date = '2011-01-10', is_current = false WHERE product_sk = 1;"
        "INSERT INTO dim_products (product_sk, stock_code, description, category, unit_price,"
        " effective_date, is_current, withdrawn)"
        " VALUES (11, 'A1', 'RED MUG', 'Gifts', 1, '2011-01-10', true, false)",
    )
    shop.sell("3")
    shop.sell("4", product_sk=11, at="2011-01-10 00:00+00")

    found = [(category, revenue) for category, revenue, _ in read(shop, "v_sales_by_category")]
    assert found == [("Gifts", 4), ("Kitchen", 3)]


@pytest.mark.parametrize(
    "zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu"]
)
def test_months_are_those_of_utc_whatever_the_clients_time_zone(shop: Shop, zone: str) -> None:
    shop.catalogue()
    shop.sell("1", at="2011-01-01 00:00:00+00")
    shop.sell("2", at="2011-01-31 23:59:59+00", quantity=2)
    shop.sell("-4", at="2011-02-01 00:00:00+00")
    shop.sell("8", at="2011-02-28 23:59:59+00")

    assert read(shop, "v_revenue_by_month", zone=zone) == [
        (date(2011, 1, 1), Decimal(3), 2, 3),
        (date(2011, 2, 1), Decimal(4), 2, 0),
    ]
    assert read(shop, "v_anomaly_coverage", zone=zone) == [
        (date(2011, 1, 1), 2, 0, 2, 0),
        (date(2011, 2, 1), 1, 0, 1, 0),
    ]


def chain(shop: Shop, code: str, *versions: tuple[int, int | None, str, bool]) -> None:
    """Versions of January 2011: first day, last day's morrow, price, withdrawn."""
    with closing(connect(shop.findings.settings)) as conn, conn, conn.cursor() as cur:
        for start, end, price, withdrawn in versions:
            until = None if end is None else f"2011-01-{end:02}"
            key = int.from_bytes(code.encode(), "big") * 100 + start
            first = f"2011-01-{start:02}"
            cur.execute(
                "INSERT INTO dim_products (product_sk, stock_code, description, unit_price,"
                " effective_date, end_date, is_current, withdrawn)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (key, code, f"as of {start}", price, first, until, end is None, withdrawn),
            )


@pytest.mark.parametrize(
    ("versions", "periods"),
    [
        ([(1, None, "2.5", False)], [(1, None, "2.5")]),
        ([(1, 5, "2.5", False), (5, None, "3", False)], [(1, 5, "2.5"), (5, None, "3")]),
        (
            [(1, 5, "2.5", False), (5, 9, "2.5", False), (9, None, "2.5", False)],
            [(1, None, "2.5")],
        ),
        (
            [(1, 5, "2.5", False), (5, 7, "2.5", False), (7, None, "3", False)],
            [(1, 7, "2.5"), (7, None, "3")],
        ),
        (
            [(1, 5, "2.5", False), (5, 9, "3", False), (9, None, "2.5", False)],
            [(1, 5, "2.5"), (5, 9, "3"), (9, None, "2.5")],
        ),
        (
            [(1, 5, "2.5", True), (9, None, "2.5", False)],
            [(1, 5, "2.5"), (9, None, "2.5")],
        ),
        ([(1, 5, "2.5", True), (5, None, "2.5", False)], [(1, None, "2.5")]),
        ([(1, 5, "2.5", False), (5, 9, "2.5", True)], [(1, 9, "2.5")]),
        ([(1, 5, "2.5", True), (7, 9, "2.5", True)], [(1, 5, "2.5"), (7, 9, "2.5")]),
        ([(1, 5, "0", False), (5, None, "0.0001", False)], [(1, 5, "0"), (5, None, "0.0001")]),
    ],
    ids=[
        "one version", "another price", "descriptions alone", "description, then price",
        "the price returns", "a gap", "withdrawn and back at once", "withdrawn for good",
        "two gaps", "free of charge",
    ],
)  # fmt: skip
def test_price_history_has_a_row_a_period_of_one_price(
    shop: Shop,
    versions: list[tuple[int, int | None, str, bool]],
    periods: list[tuple[int, int | None, str]],
) -> None:
    chain(shop, "A1", *versions)

    assert read(shop, "v_price_history") == [
        (
            "A1",
            date(2011, 1, start),
            None if end is None else date(2011, 1, end),
            Decimal(price),
        )
        for start, end, price in periods
    ]


def test_price_histories_of_products_do_not_mix(shop: Shop) -> None:
    chain(shop, "A1", (1, 5, "2.5", True))
    chain(shop, "B2", (5, None, "2.5", False))

    assert read(shop, "v_price_history") == [
        ("A1", date(2011, 1, 1), date(2011, 1, 5), Decimal("2.5")),
        ("B2", date(2011, 1, 5), None, Decimal("2.5")),
    ]


def test_purchase_history_has_the_lines_of_customers_as_they_were_priced(shop: Shop) -> None:
    shop.catalogue()
    shop.sell("5", "anna", quantity=2)
    shop.sell("-2.5", "anna", at="2011-02-01 00:00+00", product_sk=2)
    shop.sell("9")

    seen = [(*row[:2], row[2].isoformat(), *row[3:]) for row in read(shop, "v_purchase_history")]

    assert seen == [
        ("anna", "1-1", "2011-01-05T10:00:00+00:00", "A1", "RED MUG", 2, Decimal("2.5"), 5),
        ("anna", "2-1", "2011-02-01T00:00:00+00:00", "B2", "RED MUG", -1, Decimal("2.5"),
         Decimal("-2.5")),
    ]  # fmt: skip


def test_a_transaction_is_loaded_in_error_or_discarded(shop: Shop) -> None:
    shop.catalogue()
    run = shop.findings.new_run("fact_postgres")
    ended = datetime.fromisoformat("2011-01-06T04:00:00+00:00")
    shop.findings.ask("UPDATE ops.runs SET ended_at = %s WHERE run_id = %s", ended, run)
    shop.sell("5", batch_id=run)
    for line, status in (("8-1", "OPEN"), ("8-2", "DISCARDED"), ("8-3", "REPLAYED"), (None, None)):
        shop.findings.insert(
            "transactions_error",
            {
                "error_id": f"error {line}",
                "transaction_id": line,
                "raw": "{}",
                "rules": ["malformed_row", "unknown_country"],
                "source_file": "f",
                "source_line": 2,
                "file_key": 1,
                "batch_id": run,
                "status": status or "OPEN",
            },
        )

    broken = ["malformed_row", "unknown_country"]
    assert read(shop, "v_transaction_status", "1 NULLS LAST") == [
        ("1-1", "LOADED", None, ended),
        ("8-1", "ERROR", broken, None),
        ("8-2", "DISCARDED", broken, None),
        (None, "ERROR", broken, None),
    ]


def baseline(shop: Shop, code: str, month: str | None, *, sufficient: bool = True) -> None:
    row = {
        "stock_code": code,
        "month": month,
        "line_count": 10,
        "median_qty": 6,
        "std_deviation": 1,
        "is_sufficient": sufficient,
        "batch_id": 1,
    }
    shop.findings.insert("anomaly_baselines", row)


def test_anomaly_coverage_counts_sales_lines_by_what_could_be_scored(shop: Shop) -> None:
    shop.catalogue()
    baseline(shop, "A1", "2011-01-01")
    baseline(shop, "B2", "2011-01-01", sufficient=False)
    baseline(shop, "B2", "2011-02-01")
    odd = shop.sell("1")
    eased = shop.sell("1")
    shop.sell("-1")
    shop.sell("1", product_sk=2)
    shop.sell("1", product_sk=3)
    shop.sell("1", at="2011-02-01 00:00+00")
    late = shop.sell("1", at="2011-02-28 23:30+00", product_sk=2)
    shop.sell("-1", at="2011-03-01 00:00+00")
    shop.findings.flag(1, odd, invoice_date="2011-01-05 10:00+00")
    shop.findings.flag(1, eased, invoice_date="2011-01-05 10:00+00", still_flagged=False)
    shop.findings.flag(1, late, invoice_date="2011-02-28 23:30+00", stock_code="B2")

    for zone in ("UTC", "Pacific/Kiritimati"):
        assert read(shop, "v_anomaly_coverage", zone=zone) == [
            (date(2011, 1, 1), 4, 2, 2, 1),
            (date(2011, 2, 1), 2, 1, 1, 1),
        ]


def test_a_baseline_of_the_whole_history_covers_every_month(shop: Shop) -> None:
    shop.catalogue()
    baseline(shop, "A1", None)
    shop.sell("1")
    shop.sell("1", at="2011-02-01 00:00+00")
    shop.sell("1", at="2011-02-01 00:00+00", product_sk=2)

    assert read(shop, "v_anomaly_coverage") == [
        (date(2011, 1, 1), 1, 1, 0, 0),
        (date(2011, 2, 1), 2, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    "view",
    [
        "v_top_buyers_by_region", "v_sales_by_category", "v_revenue_by_month", "v_price_history",
        "v_purchase_history", "v_transaction_status", "v_anomaly_coverage",
    ],
)  # fmt: skip
def test_of_nothing_a_view_has_no_row(shop: Shop, view: str) -> None:
    assert read(shop, view, order="1") == []
