"""Price lists into bronze: dated snapshots, and the history that is told from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs.bronze import ingest_products, reading
from jobs.common.contracts import LAYOUT, PRODUCTS, PRODUCTS_SNAPSHOTS
from jobs.common.errors import BadInput
from jobs.common.lake import BUILT_FROM, create_table, get_property, set_property, snapshot_id
from jobs.common.runlog import Run
from tests.support.rows import csv_text, product
from tests.support.warehouse import Warehouse

FIRST = date(2025, 1, 1)
_numbers = count()


def _start(row: tuple[Any, ...]) -> tuple[str, date]:
    return row[0], row[2]


class Shop:
    """A warehouse in which each test has a product and days of its own."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.code, self.start = "", FIRST

    def for_a_test(self) -> Shop:
        number = next(_numbers)
        self.code, self.start = f"P{number}", FIRST + timedelta(days=30 * number)
        return self

    def day(self, number: int) -> date:
        return self.start + timedelta(days=number)

    def listed(self, price: object, **changed: Any) -> dict[str, Any]:
        return product(self.code, unit_price=price, **changed)

    def deliver(self, day: int, *rows: dict[str, Any]) -> str:
        name = f"products_{self.day(day):%Y%m%d}.csv"
        self.warehouse.deliver("products", name, rows)
        return name

    def ingest(self, *, replaces: bool = False, **settings: Any) -> Run:
        context = self.warehouse.context
        changed = context.settings.model_copy(update=settings)
        return ingest_products.run(replace(context, settings=changed), replace=replaces)

    def take(self, day: int, *rows: dict[str, Any], **options: Any) -> Run:
        self.deliver(day, *rows)
        return self.ingest(**options)

    def history(self, *codes: str) -> list[tuple[Any, ...]]:
        """Code, price, first and past day (counted from the test's own), withdrawn."""
        names = (
            "stock_code",
            "unit_price",
            "effective_date",
            "end_date",
            "withdrawn",
            "is_current",
        )
        rows = self.warehouse.bronze(PRODUCTS, *names)
        assert all((row[3] is None) is row[5] for row in rows)
        ordered = sorted((row for row in rows if row[0] in (codes or (self.code,))), key=_start)
        return [
            (code, float(price), self._number(start), end and self._number(end), withdrawn)
            for code, price, start, end, withdrawn, _ in ordered
        ]

    def _number(self, day: date) -> int:
        return (day - self.start).days

    def snapshots(self) -> list[tuple[Any, ...]]:
        names = ("snapshot_date", "revision", "stock_code", "unit_price")
        rows = self.warehouse.bronze(PRODUCTS_SNAPSHOTS, *names)
        return sorted((self._number(r[0]), r[1], float(r[3])) for r in rows if r[2] == self.code)

    def positions(self) -> tuple[int | None, int | None]:
        spark = self.warehouse.spark
        return snapshot_id(spark, PRODUCTS_SNAPSHOTS), snapshot_id(spark, PRODUCTS)

    def rejected(self, name: str) -> list[tuple[Any, ...]]:
        return self.warehouse.gold_rows(
            "SELECT source_line, reason, raw FROM ops.rejected_rows"
            " WHERE dataset = 'products' AND source_file = %s ORDER BY source_line",
            name,
        )


@contextmanager
def hidden(paths: Iterable[Path], place: Path) -> Iterator[None]:
    """Files that cannot be opened for a while."""
    places = {path: place / str(number) for number, path in enumerate(paths)}
    for path, elsewhere in places.items():
        path.rename(elsewhere)
    try:
        yield
    finally:
        for path, elsewhere in places.items():
            elsewhere.rename(path)


@pytest.fixture(scope="module")
def warehouse_of_all(new_warehouse: Callable[..., Warehouse]) -> Shop:
    return Shop(new_warehouse(products_max_shrink=1.0))


@pytest.fixture
def shop(warehouse_of_all: Shop) -> Shop:
    return warehouse_of_all.for_a_test()


def test_a_version_starts_on_the_date_of_its_file_in_whatever_order_files_come(shop: Shop) -> None:
    code = shop.code
    shop.take(2, shop.listed(1))
    assert shop.history() == [(code, 1.0, 2, None, False)]
    shop.take(6, shop.listed(3))
    assert shop.history() == [(code, 1.0, 2, 6, False), (code, 3.0, 6, None, False)]
    shop.take(4, shop.listed(2))
    assert shop.history() == [
        (code, 1.0, 2, 4, False),
        (code, 2.0, 4, 6, False),
        (code, 3.0, 6, None, False),
    ]
    shop.take(3, shop.listed(2))
    assert shop.history() == [
        (code, 1.0, 2, 3, False),
        (code, 2.0, 3, 6, False),
        (code, 3.0, 6, None, False),
    ]
    shop.take(1, shop.listed(1))
    assert shop.history()[0] == (code, 1.0, 1, 3, False)


def test_several_lists_in_one_run_are_told_in_the_order_of_their_dates(shop: Shop) -> None:
    for day, price in ((3, 5), (1, 4), (2, 4), (4, 4)):
        shop.deliver(day, shop.listed(price))
    run = shop.ingest()
    assert run.counts["files"] == 4
    assert shop.history() == [
        (shop.code, 4.0, 1, 3, False),
        (shop.code, 5.0, 3, 4, False),
        (shop.code, 4.0, 4, None, False),
    ]


def test_a_price_list_may_return_to_an_earlier_state(shop: Shop) -> None:
    shop.deliver(0, shop.listed(1))
    shop.take(1, shop.listed(2))
    shop.take(2, shop.listed(1))
    assert shop.history() == [
        (shop.code, 1.0, 0, 1, False),
        (shop.code, 2.0, 1, 2, False),
        (shop.code, 1.0, 2, None, False),
    ]


def test_the_same_content_on_another_date_is_a_new_snapshot_and_no_new_version(shop: Shop) -> None:
    shop.take(0, shop.listed(1))
    before = shop.positions()
    run = shop.take(1, shop.listed(1))
    assert (run.counts["files"], run.counts["versions_changed"]) == (1, 0)
    assert shop.snapshots() == [(0, 0, 1.0), (1, 0, 1.0)]
    assert shop.history() == [(shop.code, 1.0, 0, None, False)]
    assert shop.positions()[1] == before[1]


def test_the_same_date_and_content_again_change_nothing(shop: Shop) -> None:
    shop.take(0, shop.listed(1))
    before = shop.positions()
    run = shop.take(0, shop.listed(1))
    assert (run.counts["files"], run.counts["repeated_files"]) == (0, 1)
    assert shop.positions() == before
    assert shop.warehouse.waiting("products") == []


def test_the_same_date_with_other_content_is_refused(shop: Shop) -> None:
    name = shop.deliver(0, shop.listed(1))
    shop.ingest()
    with pytest.raises(BadInput) as refusal:
        shop.take(0, shop.listed(2))
    assert refusal.value.exit_code == 3
    reason = (shop.warehouse.landing / "rejected/products" / f"{name}.reason").read_text()
    assert reason.startswith(f"bronze already holds other content for {shop.day(0)};")
    assert shop.snapshots() == [(0, 0, 1.0)]
    assert shop.history() == [(shop.code, 1.0, 0, None, False)]


def test_a_replaced_list_rewrites_its_part_of_the_history(shop: Shop) -> None:
    for day, price in ((0, 1), (1, 2), (3, 3)):
        shop.deliver(day, shop.listed(price))
    shop.ingest()
    shop.take(1, shop.listed(1), replaces=True)
    assert shop.snapshots() == [(0, 0, 1.0), (1, 0, 2.0), (1, 1, 1.0), (3, 0, 3.0)]
    assert shop.history() == [(shop.code, 1.0, 0, 3, False), (shop.code, 3.0, 3, None, False)]
    shop.take(4, shop.listed(1))
    shop.take(2, shop.listed(2))
    assert shop.history() == [
        (shop.code, 1.0, 0, 2, False),
        (shop.code, 2.0, 2, 3, False),
        (shop.code, 3.0, 3, 4, False),
        (shop.code, 1.0, 4, None, False),
    ]


def test_a_product_that_only_a_replaced_list_had_is_gone(shop: Shop) -> None:
    other = f"{shop.code}X"
    shop.take(0, shop.listed(1), product(other))
    assert len(shop.history(shop.code, other)) == 2
    shop.take(0, shop.listed(1), replaces=True)
    assert shop.history(shop.code, other) == [(shop.code, 1.0, 0, None, False)]


def test_a_product_that_is_not_listed_stays_current(shop: Shop) -> None:
    other = f"{shop.code}X"
    shop.deliver(0, shop.listed(1), product(other, unit_price=9))
    shop.deliver(1, product(other, unit_price=9))
    shop.take(2, shop.listed(1), product(other, unit_price=9))
    assert shop.history(shop.code, other) == [
        (shop.code, 1.0, 0, None, False),
        (other, 9.0, 0, None, False),
    ]


def test_description_and_category_make_versions_and_units_in_stock_do_not(shop: Shop) -> None:
    shop.deliver(0, shop.listed(1, stock_quantity=5))
    shop.deliver(1, shop.listed(1, stock_quantity=4))
    shop.deliver(2, shop.listed(1, description=""))
    shop.take(3, shop.listed(1, description="", category="Bath"))
    assert shop.history() == [
        (shop.code, 1.0, 0, 2, False),
        (shop.code, 1.0, 2, 3, False),
        (shop.code, 1.0, 3, None, False),
    ]
    names = ("snapshot_date", "stock_code", "stock_quantity")
    rows = shop.warehouse.bronze(PRODUCTS_SNAPSHOTS, *names)
    assert [row[2] for row in sorted(rows) if row[1] == shop.code] == [5, 4, None, None]


@pytest.mark.parametrize(
    "rows", [[], [product(unit_price="free")]], ids=["a header alone", "no good row"]
)
def test_a_list_without_a_usable_row_is_refused(shop: Shop, rows: Sequence[dict[str, Any]]) -> None:
    before = shop.positions()
    name = shop.deliver(0, *rows)
    with pytest.raises(BadInput, match="the snapshot has no usable row"):
        shop.ingest()
    assert shop.positions() == before
    assert shop.rejected(name) == []


def test_a_list_that_shrank_by_more_than_the_set_share_is_refused(shop: Shop) -> None:
    def some(number: int) -> list[dict[str, Any]]:
        return [product(f"{shop.code}-{n}") for n in range(number)]

    shop.deliver(2, *some(4))
    shop.take(5, *some(100))
    with pytest.raises(BadInput, match="the snapshot has 1 rows where that of"):
        shop.take(3, *some(1), products_max_shrink=0.5)
    assert shop.take(3, *some(2), products_max_shrink=0.5).counts["files"] == 1


@pytest.mark.parametrize("small", [0, reading.SMALL_BYTES], ids=["by tasks", "by the driver"])
def test_a_refused_list_is_no_measure_for_the_next_one_of_its_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    many = [product(f"{shop.code}-{n}") for n in range(200)]
    shop.deliver(0, *many)
    shop.deliver(1, many[0])
    shop.deliver(2, *many[:100])
    with pytest.raises(BadInput, match="1 of the products files refused"):
        shop.ingest(products_max_shrink=0.5)
    dates = {row[0] for row in shop.warehouse.bronze(PRODUCTS_SNAPSHOTS, "snapshot_date")}
    assert [shop.day(n) in dates for n in range(3)] == [True, False, True]
    held = shop.warehouse.data(PRODUCTS_SNAPSHOTS)
    place = next(parent for parent in held[0].parents if parent.name == "data")
    assert sorted(place.rglob("*.parquet")) == sorted(held)  # of the refused one none is left


def test_bad_rows_are_kept_aside_and_the_good_ones_are_in(shop: Shop) -> None:
    name = shop.deliver(
        0, product("", unit_price=1), shop.listed(1), product("BAD", unit_price="-1")
    )
    run = shop.ingest()
    assert (run.counts["rows"], run.counts["rejected_rows"]) == (1, 2)
    assert run.warnings == [f"{name}: 2 bad (see ops.rejected_rows)"]
    assert shop.rejected(name) == [
        (2, "stock_code is missing", {**product(""), "unit_price": "1"}),
        (
            4,
            "unit_price: '-1' is not a price with at most 4 decimal places",
            {**product("BAD"), "unit_price": "-1"},
        ),
    ]
    assert shop.history("BAD") == []


def test_of_a_code_listed_twice_the_last_line_wins_with_a_warning(shop: Shop) -> None:
    name = shop.deliver(0, shop.listed(1), product(shop.code.lower(), unit_price=2))
    run = shop.ingest()
    assert run.warnings == [f"{name}: 1 listed twice (the last line wins)"]
    assert shop.snapshots() == [(0, 0, 2.0)]


@pytest.mark.parametrize("name", ["products_20250230.csv", "products_2025.csv", "prices.csv"])
def test_a_name_of_another_form_is_left_where_it_is(shop: Shop, name: str) -> None:
    path = shop.warehouse.deliver("products", name, [product()])
    run = shop.ingest()
    assert run.warnings == [f"products/{name}: the name has no known form; it was left where it is"]
    assert shop.warehouse.waiting("products") == [name]
    path.unlink()


@pytest.mark.parametrize("last_step", ["update_history", "set_property", "settle"])
def test_a_run_that_dies_after_the_snapshots_is_made_good_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    shop.deliver(0, shop.listed(1))
    name = shop.deliver(1, shop.listed(2), product("", unit_price=2))
    with monkeypatch.context() as patch:
        patch.setattr(ingest_products, last_step, die)
        with pytest.raises(KeyboardInterrupt):
            shop.ingest()
    shop.ingest()
    assert shop.snapshots() == [(0, 0, 1.0), (1, 0, 2.0)]
    assert shop.history() == [(shop.code, 1.0, 0, 1, False), (shop.code, 2.0, 1, None, False)]
    assert shop.warehouse.waiting("products") == []
    assert len(shop.rejected(name)) == 1
    before = shop.positions()
    shop.ingest()
    assert shop.positions() == before


def test_snapshots_that_no_run_told_of_are_in_the_history_after_the_next(shop: Shop) -> None:
    shop.take(0, shop.listed(1))
    rows = shop.warehouse.spark.table(PRODUCTS_SNAPSHOTS.full_name)
    late = rows.where(f"stock_code = '{shop.code}'").selectExpr(
        f"DATE'{shop.day(1)}' AS snapshot_date",
        "revision",
        "stock_code",
        "description",
        "category",
        "unit_price * 2 AS unit_price",
        "stock_quantity",
        "source_file",
        "source_line",
        "file_sha256",
        "batch_id",
    )
    late.withColumn("unit_price", late.unit_price.cast("decimal(12,4)")).writeTo(
        PRODUCTS_SNAPSHOTS.full_name
    ).append()
    shop.ingest()
    assert shop.history() == [(shop.code, 1.0, 0, 1, False), (shop.code, 2.0, 1, None, False)]


def test_an_ordinary_day_opens_no_earlier_list_and_no_closed_version(
    shop: Shop, tmp_path: Path
) -> None:
    for day, price in enumerate((1, 2, 3)):
        shop.take(day, shop.listed(price))
    lists, history = (shop.warehouse.data(table) for table in (PRODUCTS_SNAPSHOTS, PRODUCTS))
    unread = [p for p in [*lists, *history] if "is_current=true" not in str(p)]
    assert len(unread) > len(lists)
    with hidden(unread, tmp_path):
        shop.take(3, shop.listed(4))
        shop.deliver(4, shop.listed(5))
        shop.take(5, shop.listed(6))
    assert shop.history() == [
        *((shop.code, price + 1.0, price, price + 1, False) for price in range(5)),
        (shop.code, 6.0, 5, None, False),
    ]


def test_a_compaction_that_did_not_say_so_changes_nothing(shop: Shop) -> None:
    shop.take(0, shop.listed(1))
    shop.take(1, shop.listed(2))
    built = get_property(shop.warehouse.spark, PRODUCTS, BUILT_FROM)
    shop.warehouse.spark.sql(
        f"CALL system.rewrite_data_files(table => '{PRODUCTS_SNAPSHOTS.full_name}',"
        " options => map('rewrite-all', 'true'))"
    )
    assert shop.ingest().counts["versions_changed"] == 0
    assert get_property(shop.warehouse.spark, PRODUCTS, BUILT_FROM) != built
    shop.take(2, shop.listed(3))
    assert shop.history() == [
        (shop.code, 1.0, 0, 1, False),
        (shop.code, 2.0, 1, 2, False),
        (shop.code, 3.0, 2, None, False),
    ]


def test_a_list_that_comes_late_or_anew_opens_those_near_it_alone(
    new_warehouse: Callable[..., Warehouse], tmp_path: Path
) -> None:
    shop = Shop(new_warehouse(products_max_shrink=1.0)).for_a_test()
    others = product("A"), product("B")
    shop.take(0, shop.listed(1), *others)
    shop.take(400, shop.listed(4), *others)
    far = shop.warehouse.data(PRODUCTS_SNAPSHOTS)
    assert len(far) == 2
    shop.take(190, shop.listed(1), *others)
    shop.take(200, shop.listed(2), *others)
    shop.take(210, shop.listed(3), *others)
    with hidden(far, tmp_path):
        shop.take(205, shop.listed(5), *others)
        shop.take(200, shop.listed(6), *others, replaces=True)
    # The newest list is still known as that, though these runs did not look at it.
    shop.take(300, shop.listed(8), *others)
    later = [
        (shop.code, 6.0, 200, 205, False),
        (shop.code, 5.0, 205, 210, False),
        (shop.code, 3.0, 210, 300, False),
        (shop.code, 8.0, 300, 400, False),
        (shop.code, 4.0, 400, None, False),
    ]
    assert shop.history() == [(shop.code, 1.0, 0, 200, False), *later]

    with pytest.raises(BadInput, match=f"has 1 rows where that of {shop.day(0)} has 3"):
        shop.take(100, shop.listed(7), products_max_shrink=0.5)
    shop.take(100, shop.listed(7), *others)
    assert shop.history() == [
        (shop.code, 1.0, 0, 100, False),
        (shop.code, 7.0, 100, 190, False),
        (shop.code, 1.0, 190, 200, False),
        *later,
    ]
    assert shop.history("A") == [("A", 2.5, 0, None, False)]


def test_a_table_of_an_older_home_gets_its_current_versions_apart(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    shop = Shop(new_warehouse(products_max_shrink=1.0)).for_a_test()
    spark = shop.warehouse.spark
    spark.sql(f"DROP TABLE {PRODUCTS.full_name} PURGE")
    as_it_was = replace(PRODUCTS, partitioned_by=(), properties=PRODUCTS.properties[:3])
    spark.sql(create_table(as_it_was).rstrip(";\n"))
    shop.deliver(0, shop.listed(1))
    shop.take(1, shop.listed(2))
    spark.sql(f"ALTER TABLE {PRODUCTS.full_name} DROP PARTITION FIELD is_current")
    spark.sql(f"ALTER TABLE {PRODUCTS.full_name} UNSET TBLPROPERTIES ('{LAYOUT}')")
    spark.table(PRODUCTS.full_name).writeTo(PRODUCTS.full_name).overwrite(F.lit(True))
    lists = snapshot_id(spark, PRODUCTS_SNAPSHOTS)
    set_property(spark, PRODUCTS, BUILT_FROM, f"{lists} ignore")

    shop.take(2, shop.listed(3))
    shop.take(3, shop.listed(4))

    assert shop.history() == [
        (shop.code, 1.0, 0, 1, False),
        (shop.code, 2.0, 1, 2, False),
        (shop.code, 3.0, 2, 3, False),
        (shop.code, 4.0, 3, None, False),
    ]
    rows = spark.table(f"{PRODUCTS.full_name}.files").select("partition.is_current").collect()
    assert {row[0] for row in rows} == {True, False}


def test_a_dry_run_takes_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.take(0, shop.listed(1))
    before = shop.positions()
    shop.deliver(0, shop.listed(2))
    shop.deliver(1, shop.listed(2))
    ingest_products.run(replace(shop.warehouse.context, dry_run=True))
    said = capsys.readouterr().out
    assert "would take 1 products files, refuse 1, pass over 0 repeats" in said
    assert shop.positions() == before
    for name in shop.warehouse.waiting("products"):
        (shop.warehouse.landing / "products" / name).unlink()


def test_the_header_of_a_list_is_checked(shop: Shop) -> None:
    name = f"products_{shop.day(0):%Y%m%d}.csv"
    shop.warehouse.deliver("products", name, csv_text("countries", []))
    with pytest.raises(BadInput, match="the header lacks stock_code, description, category"):
        shop.ingest()


def test_with_invalidate_what_is_not_listed_ends(new_warehouse: Callable[..., Warehouse]) -> None:
    shop = Shop(new_warehouse(products_missing="invalidate", products_max_shrink=1.0)).for_a_test()
    other = product("B", unit_price=9)
    shop.deliver(0, shop.listed(1), other)
    shop.take(4, other)
    assert shop.history() == [(shop.code, 1.0, 0, 4, True)]
    shop.take(6, shop.listed(1), other)
    assert shop.history() == [(shop.code, 1.0, 0, 4, True), (shop.code, 1.0, 6, None, False)]
    shop.take(2, other)
    assert shop.history() == [(shop.code, 1.0, 0, 2, True), (shop.code, 1.0, 6, None, False)]
    shop.take(3, shop.listed(1), other)
    assert shop.history() == [
        (shop.code, 1.0, 0, 2, True),
        (shop.code, 1.0, 3, 4, True),
        (shop.code, 1.0, 6, None, False),
    ]
    assert shop.history("B") == [("B", 9.0, 0, None, False)]
