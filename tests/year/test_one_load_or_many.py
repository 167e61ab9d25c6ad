"""Gold is what one big load of all accepted files would have made, however they arrive.

The real year's first days. Baselines over the whole history, so that each delivery moves
the flags of those before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from generators.landing import LandingFile
from generators.replay import landing_files
from jobs.analytics import detect_anomalies
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

DAYS = 14
FEWER = 5  # a 4-hour file is a load: all 14 days are left to `make test-long`
LATE = (date(2010, 12, 2), date(2010, 12, 10))  # their price lists come days late
AS_BEFORE = {date(2010, 12, 9): date(2010, 12, 7), date(2010, 12, 13): date(2010, 12, 8)}

Warehouses = Callable[..., Warehouse]
Step = list[LandingFile]


@cache
def first(days: int, data: Path) -> tuple[LandingFile, ...]:
    return tuple(landing_files(data / "online_retail.csv.xz", data / "countries.csv", days=days))


def day_of(file: LandingFile) -> date:
    return datetime.strptime(file.name.split("_")[1][:8], "%Y%m%d").date()


def delivered(warehouse: Warehouse, steps: Iterable[Step]) -> dict[str, Rows]:
    """What gold holds after the steps, each a delivery and a whole chain."""
    for step in steps:
        for file in step:
            warehouse.deliver(file.kind, file.name, file.content)
        warehouse.take()
        detect_anomalies.run(warehouse.context)
    return warehouse.gold_state()


def assert_same(found: dict[str, Rows], expected: dict[str, Rows]) -> None:
    for table, rows in expected.items():
        assert set(found[table]) == set(rows), table
        assert len(found[table]) == len(rows), table


def as_they_come(files: Iterable[LandingFile]) -> list[Step]:
    """Each 4-hour file by itself; a day's price list with that day's last file, some later."""
    by_day: dict[date, list[Step]] = {}
    lists: dict[date, Step] = {}
    for file in files:
        if file.kind == "transactions":
            by_day.setdefault(day_of(file), []).append([file])
        else:
            lists.setdefault(day_of(file), []).append(file)
    for day, masters in lists.items():
        target = day + timedelta(days=2) if day in LATE else day
        while target not in by_day:
            target += timedelta(days=1)
        by_day[target][-1] += masters
    return [step for day in sorted(by_day) for step in by_day[day]]


@pytest.mark.parametrize("days", [FEWER, pytest.param(DAYS, marks=pytest.mark.long)])
def test_4_hour_files_with_prices_after_them_and_some_late_give_what_one_load_gives(
    new_warehouse: Warehouses, real_year: Path, days: int
) -> None:
    files = first(days, real_year)
    expected = delivered(new_warehouse(anomaly_baseline="all"), [list(files)])
    steps = as_they_come(files)
    assert len(steps) > 2 * days

    found = delivered(new_warehouse(anomaly_baseline="all"), steps)

    assert expected["fact_transactions"]
    assert expected["anomalies WHERE still_flagged"]
    assert expected["transactions_error WHERE status = 'OPEN'"]
    assert_same(found, expected)


def with_prices_as_before(files: Iterable[LandingFile]) -> list[LandingFile]:
    """Some days' price lists say what an earlier day's said."""
    lists = {day_of(f): f for f in files if f.kind == "products"}
    return [
        LandingFile(f.kind, f.name, lists[AS_BEFORE[day_of(f)]].content)
        if f.kind == "products" and day_of(f) in AS_BEFORE
        else f
        for f in files
    ]


@pytest.mark.long
@pytest.mark.parametrize("missing", ["ignore", "invalidate"])
def test_shuffled_files_with_repeats_and_prices_as_before_give_what_one_load_gives(
    new_warehouse: Warehouses, real_year: Path, missing: str
) -> None:
    rules = {"anomaly_baseline": "all", "products_missing": missing, "products_max_shrink": 1.0,
             "breaker_max_jump": 1e9}  # fmt: skip
    files = with_prices_as_before(first(DAYS, real_year))
    expected = delivered(new_warehouse(**rules), [files])
    chance = random.Random(14)
    arrivals = files + chance.sample(files, 15)
    chance.shuffle(arrivals)
    steps = [unique_names(arrivals[i : i + 9]) for i in range(0, len(arrivals), 9)]

    found = delivered(new_warehouse(**rules), steps)

    assert_same(found, expected)


def unique_names(files: Iterable[LandingFile]) -> Step:
    return list({(f.kind, f.name): f for f in files}.values())
