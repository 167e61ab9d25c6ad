"""A file that grows, goes away or is written over while it is read waits; the others go in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.bronze import ingest_products, ingest_transactions, reading
from jobs.common import filesystem, landing
from jobs.common.contracts import PRODUCTS_SNAPSHOTS, TRANSACTIONS_RAW
from tests.support.rows import csv_text, line, product
from tests.support.warehouse import Warehouse

NAMES = [f"transactions_20250303T{hour}00.csv" for hour in ("00", "04", "08")]
ROW = "{},1,A1,2,2025-03-03 10:00:00,C1,France\n"


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return new_warehouse()


@pytest.fixture(
    params=[("a path", 1 << 20), ("a path", 0), ("any file system", 0)],
    ids=["by the driver", "by tasks", "by tasks through Hadoop"],
)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files are read, and through what."""
    kind, small = request.param
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    if kind != "a path":
        for module in (filesystem, landing, reading):
            monkeypatch.setattr(module, "is_local", lambda _: False)


class Between:
    """Does something to a file once, after a step of a job."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, step: str) -> None:
        self.what: Callable[[], object] = lambda: None
        real = getattr(module, step)

        def stepped(*given: Any, **named: Any) -> Any:
            found = real(*given, **named)
            self.what()
            self.what = lambda: None
            return found

        monkeypatch.setattr(module, step, stepped)


def grow(path: Path, row: str = ROW.format("grown")) -> None:
    with path.open("a") as file:
        file.write(row)


def held(shop: Warehouse) -> list[tuple[str, str]]:
    return shop.bronze(TRANSACTIONS_RAW, "source_file", "invoice_no")


def deliver(shop: Warehouse, tag: str) -> list[Path]:
    """Three logs of a line each."""
    return [
        shop.deliver("transactions", name, csv_text("transactions", [line(f"{tag}{number}")]))
        for number, name in enumerate(NAMES)
    ]


def new(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> set[tuple[str, str]]:
    assert len(after) == len(set(after))
    return set(after) - set(before)


@pytest.mark.usefixtures("way")
def test_a_log_that_grows_waits_and_the_next_run_takes_it_whole(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    tag = f"grows {request.node.callspec.id} "
    before, paths = held(shop), deliver(shop, tag)
    Between(monkeypatch, ingest_transactions, "extract").what = lambda: grow(
        paths[1], ROW.format(tag)
    )

    run = ingest_transactions.run(shop.context)

    words = "it changed while it was read; it waits, and the next run takes it whole"
    assert run.warnings == [f"transactions/{NAMES[1]}: {words}"]
    assert run.counts["files"] == 2
    assert new(before, held(shop)) == {(NAMES[0], f"{tag}0"), (NAMES[2], f"{tag}2")}
    assert shop.waiting("transactions") == [NAMES[1]]
    check = (
        "SELECT passed, observed FROM ops.checks WHERE run_id = %s AND check_name = 'files_whole'"
    )
    ((passed, observed),) = shop.gold_rows(check, run.run_id)
    assert (passed, observed.split(":")[0]) == (False, NAMES[1])

    assert ingest_transactions.run(shop.context).warnings == []
    assert new(before, held(shop)) == {
        *((name, f"{tag}{number}") for number, name in enumerate(NAMES)),
        (NAMES[1], tag.strip()),
    }
    assert shop.waiting("transactions") == []


def test_a_log_that_goes_away_is_told_of_and_its_twin_is_taken_instead(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, paths = held(shop), deliver(shop, "twin ")
    paths[1].write_bytes(paths[0].read_bytes())
    Between(monkeypatch, ingest_transactions, "extract").what = paths[0].unlink

    run = ingest_transactions.run(shop.context)

    assert new(before, held(shop)) == {(NAMES[1], "twin 0"), (NAMES[2], "twin 2")}
    assert [text.split(":")[0] for text in run.warnings] == [f"transactions/{NAMES[0]}"]
    assert shop.waiting("transactions") == []


def test_a_log_that_grows_after_it_was_read_does_not_go_to_done_unread(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, paths = held(shop), deliver(shop, "late ")
    Between(monkeypatch, ingest_transactions, "load").what = lambda: grow(paths[2])

    run = ingest_transactions.run(shop.context)

    assert [text.split(":")[0] for text in run.warnings] == [f"transactions/{NAMES[2]}"]
    assert shop.waiting("transactions") == [NAMES[2]]
    ingest_transactions.run(shop.context)
    assert shop.waiting("transactions") == []
    found = [row for row in held(shop) if row not in before]
    # the line that was there before is of both contents: gold takes it once
    last = [(NAMES[2], "grown"), (NAMES[2], "late 2"), (NAMES[2], "late 2")]
    assert sorted(found) == [(NAMES[0], "late 0"), (NAMES[1], "late 1"), *last]


def test_a_price_list_that_grows_waits_and_the_next_run_takes_it_whole(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", 0)
    names = [f"products_2025030{day}.csv" for day in (1, 2, 3)]
    paths = [shop.deliver("products", name, [product(), product("B2")]) for name in names]
    between = Between(monkeypatch, ingest_products, "sort_out")
    between.what = lambda: grow(paths[1], "C3,a mug,Kitchen,no price\n")

    run = ingest_products.run(shop.context)

    assert [text.split(":")[0] for text in run.warnings] == [f"products/{names[1]}"]
    assert shop.waiting("products") == [names[1]]
    lists = shop.bronze(PRODUCTS_SNAPSHOTS, "source_file", "stock_code")
    assert lists == [(name, code) for name in (names[0], names[2]) for code in ("A1", "B2")]

    run = ingest_products.run(shop.context)
    assert run.warnings == [f"{names[1]}: 1 bad (see ops.rejected_rows)"]
    assert len(shop.bronze(PRODUCTS_SNAPSHOTS)) == 6
    assert shop.gold_rows("SELECT source_file, source_line FROM ops.rejected_rows") == [
        (names[1], 4)
    ]
