"""Backfill: files of some dates come back and go through the chain; where all is right, nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from jobs import backfill, pipeline
from jobs.common.dates import EVERY_DAY, Dates
from jobs.common.landing import Landing
from tests.scripts.runner import ROOT
from tests.support.databases import Rows
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

NOW = datetime(2025, 3, 5, 12, tzinfo=UTC)
TWICE = "transactions_20250303T0800.csv"
OTHER = "transactions_20250304T0800.csv"
ON_THE_3RD = Dates(date(2025, 3, 3), date(2025, 3, 3))


class Shop:
    """A warehouse that was loaded day by day, some names and dates twice."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.prices("20250301", "2.50")
        self.prices("20250303", "3.00")
        warehouse.deliver("countries", "countries_20250301.csv", [country()])
        warehouse.deliver("transactions", TWICE, [line("first"), line("both", quantity=1)])
        self.chain()
        self.prices("20250303", "4.00")
        warehouse.deliver("transactions", TWICE, [line("both", quantity=5)])
        warehouse.deliver(
            "transactions", OTHER, [line("later", invoice_date="2025-03-04 10:00:00")]
        )
        self.chain(force=True)
        self.right, self.files = warehouse.gold_state(), self.done()

    def prices(self, day: str, price: str) -> None:
        rows = [product("A1", unit_price=price), product("B2", unit_price="1.00")]
        self.warehouse.deliver("products", f"products_{day}.csv", rows)

    def chain(self, *, force: bool = False) -> None:
        context = replace(self.warehouse.context, force=force)
        pipeline.run(context, pipeline.chosen(None), NOW)

    def backfill(self, dates: Dates = EVERY_DAY, *sources: str, dry_run: bool = False) -> None:
        context = replace(self.warehouse.context, dates=dates, force=True, dry_run=dry_run)
        backfill.run(context, sources or backfill.SOURCES, NOW)  # type: ignore[arg-type]

    def done(self) -> dict[str, bytes]:
        """All files in done, with their content."""
        folder = self.warehouse.landing / "done"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def waiting(self) -> list[str]:
        return [name for source in backfill.SOURCES for name in self.warehouse.waiting(source)]

    def lines(self) -> Rows:
        return self.warehouse.gold_rows(
            "SELECT transaction_id, quantity, unit_price::float8, xmin::text"
            " FROM fact_transactions ORDER BY 1"
        )


@pytest.fixture(scope="module")
def loaded(new_warehouse: Callable[..., Warehouse]) -> Shop:
    return Shop(new_warehouse())


@pytest.fixture
def shop(loaded: Shop) -> Shop:
    assert loaded.warehouse.gold_state() == loaded.right
    assert (loaded.done(), loaded.waiting()) == (loaded.files, [])
    return loaded


def test_the_story_is_what_the_tests_are_about(shop: Shop) -> None:
    assert [row[:3] for row in shop.lines()] == [
        ("both-1", 5, 4.0), ("first-1", 2, 4.0), ("later-1", 2, 4.0),
    ]  # fmt: skip
    assert len(shop.files) == 7
    assert sum(name.startswith("transactions/" + TWICE) for name in shop.files) == 2


def test_where_all_is_right_nothing_changes(shop: Shop) -> None:
    before = shop.lines()

    shop.backfill()

    assert (shop.lines(), shop.done(), shop.waiting()) == (before, shop.files, [])
    jobs = "SELECT counts FROM ops.v_runs WHERE job = %s ORDER BY run_id DESC LIMIT 1"
    ((counts,),) = shop.warehouse.gold_rows(jobs, "ingest_products")
    # of the two lists for the 3rd the one that counts, and that of the 1st
    assert (counts["files"], counts["repeated_files"]) == (0, 2)
    ((counts,),) = shop.warehouse.gold_rows(jobs, "fact_postgres")
    assert (counts["looked_at_again"], counts["restated"]) == (4, 0)


def test_what_gold_lost_of_these_dates_comes_back(shop: Shop) -> None:
    shop.warehouse.gold_rows("DELETE FROM fact_transactions WHERE invoice_no <> 'later'")

    shop.backfill(ON_THE_3RD, "transactions")

    assert shop.warehouse.gold_state() == shop.right


def test_only_files_of_the_dates_and_the_source_come_back(shop: Shop) -> None:
    shop.backfill(ON_THE_3RD, "products")

    last = "SELECT DISTINCT ON (job) job, counts, parameters ->> 'from' FROM ops.v_runs"
    rows = shop.warehouse.gold_rows(f"{last} ORDER BY job, run_id DESC")
    runs = {job: (counts, since) for job, counts, since in rows}
    assert runs["ingest_products"][0]["repeated_files"] == 1
    assert runs["ingest_products"][1] == runs["fact_postgres"][1] == "2025-03-03"


def test_a_dry_run_lists_the_files_and_moves_none(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.backfill(ON_THE_3RD, dry_run=True)

    told = capsys.readouterr().out
    assert "transactions: 2 files in done of 2025-03-03" in told
    assert f"/done/transactions/{TWICE}" in told
    assert OTHER not in told
    assert "would run with --force, of 2025-03-03: put_back_products, ingest_products" in told
    assert shop.done() == shop.files


def test_one_that_died_midway_is_made_good_by_the_next_chain(shop: Shop) -> None:
    before = shop.lines()
    for source in backfill.SOURCES:
        context = replace(shop.warehouse.context, dates=EVERY_DAY)
        landing = Landing(context.session, context.settings.landing, source)
        backfill.load(landing, backfill.rounds(backfill.extract(context, landing))[0])
    assert len(shop.waiting()) == 5

    shop.chain()

    assert (shop.lines(), shop.done(), shop.waiting()) == (before, shop.files, [])


def test_a_file_that_waits_is_not_written_over(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shop.warehouse.deliver("transactions", OTHER, "mine")
    context = shop.warehouse.context
    landing = Landing(context.session, context.settings.landing, "transactions")
    files = landing.taken(Dates(first=date(2025, 3, 4)))

    assert backfill.load(landing, {OTHER: files[0]}) == {"put_back": 0, "left": 1}
    assert "another file of that name waits" in capsys.readouterr().out
    assert path.read_text() == "mine"
    path.unlink()


def test_all_is_made_anew_from_done_when_the_lake_was_lost(
    shop: Shop, new_gold: Callable[[], object]
) -> None:
    shop.warehouse.emptied()
    settings = new_gold().model_copy(update={"landing_uri": shop.warehouse.landing.as_uri()})  # type: ignore[attr-defined]
    other = Warehouse(replace(shop.warehouse.context, settings=settings), shop.warehouse.landing)
    context = replace(other.context, force=True)

    backfill.run(context, backfill.SOURCES, NOW)

    assert other.gold_state() == shop.right
    assert shop.done() == shop.files
    other.close()


@pytest.mark.parametrize(
    "options", [("--from", "2025-03-01"), ("--from", "2025-03-02", "--to", "2025-03-01")]
)
def test_both_dates_are_wanted_the_right_way_round(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "backfill.py"), *options],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "JAVA_HOME": "/nowhere"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
