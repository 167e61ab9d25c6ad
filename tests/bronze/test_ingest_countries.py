"""Countries masters into bronze: the value of the earliest-dated file stays, drift is reported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from jobs.bronze import ingest_countries
from jobs.bronze.ingest_countries import Country, drift, transform
from jobs.common.contracts import COUNTRIES, COUNTRIES_SNAPSHOTS
from jobs.common.errors import BadInput
from jobs.common.lake import snapshot_id
from jobs.common.runlog import Run
from tests.support.rows import country
from tests.support.warehouse import Warehouse

FIRST = date(2025, 1, 1)
_numbers = count(1)


class Shop:
    """A warehouse in which each test has a country and days of its own."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.number, self.start = 0, FIRST

    def for_a_test(self) -> Shop:
        self.number = next(_numbers)
        self.start = FIRST + timedelta(days=10 * self.number)
        return self

    def told(self, name: str | None = None, **changed: Any) -> dict[str, Any]:
        """The test's own country."""
        return country(name or f"Land {self.number}", country_id=self.number, **changed)

    def take(self, day: int, *rows: dict[str, Any], replace: bool = False) -> Run:
        self.deliver(day, *rows)
        return ingest_countries.run(self.warehouse.context, replace=replace)

    def deliver(self, day: int, *rows: dict[str, Any]) -> str:
        name = f"countries_{self.start + timedelta(days=day):%Y%m%d}.csv"
        self.warehouse.deliver("countries", name, rows)
        return name

    def standing(self) -> tuple[Any, ...]:
        """Name, region and day of the test's own country."""
        names = ("country_id", "country", "region", "first_seen_date")
        rows = self.warehouse.bronze(COUNTRIES, *names)
        (row,) = [row for row in rows if row[0] == self.number]
        return (*row[1:3], (row[3] - self.start).days)

    def positions(self) -> tuple[int | None, int | None]:
        spark = self.warehouse.spark
        return snapshot_id(spark, COUNTRIES_SNAPSHOTS), snapshot_id(spark, COUNTRIES)


@pytest.fixture(scope="module")
def warehouse_of_all(new_warehouse: Callable[..., Warehouse]) -> Shop:
    return Shop(new_warehouse(countries_max_shrink=1.0))


@pytest.fixture
def shop(warehouse_of_all: Shop) -> Shop:
    return warehouse_of_all.for_a_test()


def test_the_first_value_stays_and_drift_is_reported(shop: Shop) -> None:
    shop.take(0, shop.told(region="Asia"))
    run = shop.take(1, shop.told(region="Europe"))
    assert shop.standing() == (f"Land {shop.number}", "Asia", 0)
    assert (
        f"drift: country {shop.number} region stays 'Asia';"
        f" since {shop.start + timedelta(days=1)} the master says 'Europe'"
    ) in run.warnings


def test_the_earliest_dated_file_wins_when_it_comes_late(shop: Shop) -> None:
    shop.take(2, shop.told(region="Asia"))
    shop.take(1, shop.told(region="Europe"))
    assert shop.standing() == (f"Land {shop.number}", "Europe", 1)
    shop.take(3, shop.told(region="Africa"))
    assert shop.standing() == (f"Land {shop.number}", "Europe", 1)


def test_an_earlier_file_may_rename_a_country(shop: Shop) -> None:
    shop.take(1, shop.told("Czechia"))
    shop.take(0, shop.told("Czech Republic"))
    assert shop.standing() == ("Czech Republic", "Europe", 0)


def test_a_country_that_later_files_lack_stays(shop: Shop) -> None:
    shop.take(0, shop.told())
    run = shop.take(1, country("Elsewhere", country_id=90_000 + shop.number))
    assert shop.standing() == (f"Land {shop.number}", "Europe", 0)
    assert run.counts["countries_changed"] == 1


def test_a_name_belongs_to_the_country_that_bore_it_first(shop: Shop) -> None:
    shop.take(0, shop.told("Both"))
    later = 80_000 + shop.number
    shop.take(1, shop.told("Both"), country("Both", country_id=later))
    ids = {row[0] for row in shop.warehouse.bronze(COUNTRIES, "country_id")}
    assert shop.number in ids
    assert later not in ids


def test_what_nothing_new_is_said_of_is_not_written_again(shop: Shop) -> None:
    shop.take(0, shop.told())
    before = shop.positions()
    run = shop.take(0, shop.told())
    assert run.counts["repeated_files"] == 1
    assert shop.positions() == before
    run = shop.take(1, shop.told())
    assert (run.counts["files"], run.counts["countries_changed"]) == (1, 0)
    assert shop.positions()[1] == before[1]


def test_the_same_date_with_other_content_is_refused_unless_it_replaces(shop: Shop) -> None:
    shop.take(0, shop.told(region="Asia"))
    with pytest.raises(BadInput, match="bronze already holds other content for"):
        shop.take(0, shop.told(region="Europe"))
    assert shop.standing()[1] == "Asia"
    shop.take(0, shop.told(region="Europe"), replace=True)
    assert shop.standing() == (f"Land {shop.number}", "Europe", 0)


def test_bad_rows_are_kept_aside(shop: Shop) -> None:
    name = shop.deliver(0, shop.told(), country("Nowhere", country_id="x"))
    run = ingest_countries.run(shop.warehouse.context)
    assert (run.counts["rows"], run.counts["rejected_rows"]) == (1, 1)
    rejected = shop.warehouse.gold_rows(
        "SELECT dataset, source_line, reason FROM ops.rejected_rows WHERE source_file = %s", name
    )
    assert rejected == [("countries", 3, "country_id: 'x' is not a whole number")]


def test_a_master_without_a_usable_row_is_refused(shop: Shop) -> None:
    before = shop.positions()
    with pytest.raises(BadInput, match="the snapshot has no usable row"):
        shop.take(0)
    assert shop.positions() == before


@pytest.mark.parametrize("last_step", ["update_countries", "set_property", "settle"])
def test_a_run_that_dies_after_the_snapshots_is_made_good_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    shop.deliver(0, shop.told())
    with monkeypatch.context() as patch:
        patch.setattr(ingest_countries, last_step, die)
        with pytest.raises(KeyboardInterrupt):
            ingest_countries.run(shop.warehouse.context)
    ingest_countries.run(shop.warehouse.context)
    assert shop.standing() == (f"Land {shop.number}", "Europe", 0)
    assert shop.warehouse.waiting("countries") == []
    before = shop.positions()
    ingest_countries.run(shop.warehouse.context)
    assert shop.positions() == before


def told(*rows: tuple[int, dict[str, Any]]) -> list[Country]:
    """What lists said of countries: day, country."""
    return [Country(*row.values(), FIRST + timedelta(days=day)) for day, row in rows]


def test_each_country_stands_as_its_earliest_file_tells() -> None:
    rows = told(
        (5, country("France", region="Asia")),
        (1, country("France")),
        (3, country("Iceland", country_id=352)),
        (2, country("Twice", country_id=7)),
        (2, country("Twice", country_id=5)),
    )
    france = ("France", "FR", "Europe", "Western Europe")
    assert set(transform(rows)) == {
        (250, *france, date(2025, 1, 2)),
        (352, "Iceland", *france[1:], date(2025, 1, 4)),
        (5, "Twice", *france[1:], date(2025, 1, 3)),
    }


def test_a_country_whose_first_name_was_taken_does_not_come_in_by_another(shop: Shop) -> None:
    shop.take(0, shop.told("Taken"))
    other = 70_000 + shop.number
    shop.take(1, country("Taken", country_id=other))
    shop.take(2, country("Free", country_id=other))
    ids = {row[0] for row in shop.warehouse.bronze(COUNTRIES, "country_id")}
    assert other not in ids


def test_drift_names_each_other_value_once_since_it_was_first_said() -> None:
    rows = told(
        (0, country()),
        (1, country(region="Asia", sub_region=None)),
        (2, country(region="Asia")),
        (3, country("Frankreich")),
        (4, country()),
    )
    assert drift(rows, transform(rows)) == [
        (250, "country", date(2025, 1, 4), "France", "Frankreich"),
        (250, "region", date(2025, 1, 2), "Europe", "Asia"),
        (250, "sub_region", date(2025, 1, 2), "Western Europe", None),
    ]
