"""A shop of two and a half years, and a line before; its first six months leave gold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from jobs import check_data
from jobs.analytics import detect_anomalies
from jobs.checks.files import all_checks
from jobs.common.contracts import DW_TABLES
from jobs.common.dates import next_month
from jobs.common.runlog import Run
from jobs.gold import archive, load_dw, postgres_load_fact
from tests.support.databases import Rows
from tests.support.rows import Row, country, line, product
from tests.support.warehouse import Warehouse

OLDEST = date(2021, 11, 1)  # one line; there are none of the month after
FIRST, LAST = date(2022, 1, 1), date(2024, 6, 1)
STARTS = date(2022, 6, 1)  # of 25 months
KEEP = 25
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
SPAIN = country("Spain", country_id=724, iso_code="ES")
NARNIA = country("Narnia", country_id=999, iso_code=None)

Z = product("Z", unit_price="1.00")

Delivery = tuple[str, str, list[Row]]


def months() -> list[date]:
    found = [FIRST]
    while found[-1] < LAST:
        found.append(next_month(found[-1]))
    return found


def sales(month: date) -> list[Row]:
    """Six lines of each product, a guest's and a return among them; numbers rise."""
    number = 100_000 + 1000 * (month.year * 12 + month.month - 24264)
    rows = [
        line(
            f"{number + n}",
            line_no=1 + n % 2,
            stock_code=("A1", "B2")[n % 2],
            quantity=-1 if n == 11 else 1 + (n + month.month) % 4,
            invoice_date=f"{month:%Y-%m}-{1 + n:02d} 10:00:00",
            customer_id="" if n == 10 else f"C{(n + month.month) % 7}",
            country=("France", "Spain")[n % 2],
        )
        for n in range(12)
    ]
    return [*rows, *EXTRA.get(month, [])]


def of(number: str, day: str, **changed: Any) -> Row:
    return line(number, invoice_date=f"{day} 11:00:00", **changed)


EXTRA = {
    date(2022, 2, 1): [of("early", "2022-02-20", customer_id="OLD")],
    date(2022, 11, 1): [of("flag", "2022-11-20", quantity=20)],
    date(2022, 3, 1): [of("narnia", "2022-03-20", country="Narnia", customer_id="N")],
    date(2023, 9, 1): [of("odd", "2023-09-20", quantity=20)],
    date(2024, 5, 1): [of("odder", "2024-05-20", quantity=25)],
}

HISTORY: list[Delivery] = [
    ("countries", "countries_20220101.csv", [country(), SPAIN]),
    ("products", "products_20211101.csv", [product(), product("B2", unit_price="1.00"), Z]),
    ("products", "products_20220401.csv", [product(unit_price="3.00"), product("B2"), Z]),
    ("products", "products_20240101.csv", [product(unit_price="4.00"), product("B2"), Z]),
    *(("transactions", f"transactions_{m:%Y%m}28T2000.csv", sales(m)) for m in months()),
    (
        "transactions",
        "transactions_20211115T0000.csv",
        [of("lone", "2021-11-15", customer_id="LONE")],
    ),
    # of a product that sells in no month that leaves
    (
        "transactions",
        "transactions_20220710T0000.csv",
        [of("zs", "2022-07-10", line_no=n, stock_code="Z") for n in range(1, 13)],
    ),
    # said first of a day that gold keeps, then of one that it does not: in error, and discarded
    ("transactions", "transactions_20230610T0000.csv", [of("put aside", "2023-06-10")]),
    (
        "transactions",
        "transactions_20230612T0000.csv",
        [of("put aside", "2022-03-10", country="Mordor")],
    ),
    # … and good
    ("transactions", "transactions_20220602T0000.csv", [of("twice", "2022-06-02", quantity=7)]),
    ("transactions", "transactions_20220603T0000.csv", [of("twice", "2022-05-30", quantity=8)]),
]

# After months left gold: lines of theirs and of a month between, archived lines said anew of other
# days (one was its month's only line), prices of days on both sides, a country that a line in error
# waits for, a flagged line corrected, one that is odd and of a month that can't be scored.
LATE: list[Delivery] = [
    ("countries", "countries_20240630.csv", [country(), SPAIN, NARNIA]),
    ("products", "products_20220301.csv", [product(unit_price="2.80"), product("B2"), Z]),
    ("products", "products_20220602.csv", [product(unit_price="3.30"), product("B2"), Z]),
    (
        "transactions",
        "transactions_20240701T0000.csv",
        [
            of("late", "2022-04-11", customer_id="L"),
            of("early", "2024-06-30", quantity=9, customer_id="OLD"),
            of("new", "2024-07-01", quantity=30),
            of("restating", "2023-03-03", quantity=2),
            of("lone", "2024-06-29", customer_id="LONE"),
            of("flag", "2022-11-20", quantity=2),
            of("missed", "2022-09-10", stock_code="Z", quantity=30),
        ],
    ),
    ("transactions", "transactions_20211230T0000.csv", [of("older", "2021-12-30")]),
    ("transactions", "transactions_20220215T0000.csv", [of("later", "2022-02-14")]),
]


class Shop:
    """A warehouse with such a history."""

    def __init__(self, warehouse: Warehouse, *deliveries: list[Delivery]) -> None:
        settings = warehouse.settings.model_copy(update={"gold_keep_months": KEEP})
        context = replace(warehouse.context, settings=settings)
        self.warehouse = replace(warehouse, context=context)
        for delivered in deliveries:
            self.deliver(delivered)
        self.live()

    def deliver(self, files: list[Delivery]) -> None:
        for dataset, name, rows in files:
            self.warehouse.deliver(dataset, name, rows)  # type: ignore[arg-type]

    def live(self) -> None:
        """All jobs of a day."""
        self.warehouse.take()
        self.warehouse.gold_rows(
            "UPDATE transactions_error SET status = 'DISCARDED'"
            " WHERE transaction_id = 'put aside-1'"
        )
        detect_anomalies.run(self.warehouse.context)
        load_dw.run(self.warehouse.context)

    def archive(self, reopen: date | None = None, **changed: Any) -> Run:
        return archive.run(replace(self.warehouse.context, **changed), reopen)

    def force(self) -> Run:
        return postgres_load_fact.run(replace(self.warehouse.context, force=True))

    def gold(self) -> dict[str, Rows]:
        return self.warehouse.gold_state()

    def lake(self) -> dict[str, Rows]:
        """The star in the lake, but for which run wrote it."""
        return {
            table.name: self.warehouse.bronze(
                table, *(name for name in table.column_names if name != "batch_id")
            )
            for table in DW_TABLES
        }

    def failing(self) -> list[str]:
        """Data checks that fail; warnings are of files' ages."""
        found = check_data.extract(self.warehouse.context, all_checks(), NOW)
        failed = [a.check for a in found if a.check.severity == "fail" and not a.check.passed]
        return [check.name for check in failed]

    def errors(self) -> dict[str, list[str]]:
        """Open errors, each with its rules."""
        rows = self.warehouse.gold_rows(
            "SELECT transaction_id, rules FROM transactions_error WHERE status = 'OPEN' ORDER BY 1"
        )
        return dict(rows)

    def archived(self) -> Rows:
        return self.warehouse.gold_rows(
            "SELECT month, lines, units, revenue FROM ops.archived_months ORDER BY month"
        )

    def lines(self, *names: str) -> Rows:
        """Of these invoices: number, quantity and price in the fact."""
        return self.warehouse.gold_rows(
            "SELECT invoice_no, quantity, unit_price::float FROM fact_transactions"
            " WHERE invoice_no = ANY(%s) ORDER BY 1",
            list(names),
        )
