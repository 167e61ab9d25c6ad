"""Backup, restore and archive are killed at each point; what is left is refused, or made whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs.backup import make_backup, restore
from jobs.gold import archive
from tests.backup import shop
from tests.crashes import apart
from tests.crashes.apart import State
from tests.crashes.drivers import KILLED
from tests.crashes.points import ARCHIVE, BACKUP, points
from tests.gold.old_months import HISTORY, OLDEST, STARTS, Shop
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow]

OF_BACKUP = points(BACKUP / "make_backup.py")
OF_RESTORE = points(BACKUP, but=[BACKUP / "make_backup.py"])
LET_GO, KEPT = "after the archive of a month", "before the archive of a month"
MANIFEST = "after the manifest of a backup"
# Gold is empty until all of it returns, in one transaction: there the restore goes on by itself.
BEFORE_ROWS = (
    *("before the drop of the empty gold", "after the drop of the empty gold"),
    *("before the making of gold", "after the making of gold", "before the return of gold"),
)


@dataclass
class OfBackup:
    """A backup that was killed: how, whether what is left is one, and the one made after it."""

    code: int
    is_whole: bool
    after: dict[str, Any]
    scratch: list[str]


@dataclass
class OfRestore:
    """A restore that was killed: how, and when it was started again, what it said, or made."""

    code: int
    refused: str
    state: State | None


@dataclass
class Told:
    """Backups and restores by the point at which each was killed, beside those never killed."""

    made: dict[str, Any]
    was: State
    backups: dict[str, OfBackup]
    restores: dict[str, OfRestore]
    last: State
    scratch: list[str]


@pytest.fixture(scope="module")
def told(new_warehouse: Callable[..., Warehouse], tmp_path_factory: pytest.TempPathFactory) -> Told:
    warehouse, folder = new_warehouse(), tmp_path_factory.mktemp("backups")
    shop.open_shop(warehouse)
    was = apart.state(warehouse)
    first = folder / "never killed"
    make_backup.run(warehouse.context, str(first))
    backups = {point: killed_backup(warehouse, folder, point) for point in OF_BACKUP}
    kept = folder / OF_BACKUP[-1] / "again"
    restores = {point: killed_restore(warehouse, kept, point) for point in OF_RESTORE}
    apart.reset(warehouse)
    restore.run(apart.patient(warehouse), str(kept))
    return Told(
        *(apart.told(first), was, backups, restores),
        *(apart.state(warehouse), apart.scratch(warehouse)),
    )


def killed_backup(warehouse: Warehouse, folder: Path, point: str) -> OfBackup:
    """Kill it, look at what it left, make another."""
    left, new = folder / point / "left", folder / point / "again"
    code = apart.killed(warehouse, apart.into(make_backup.run, left), point)
    whole = apart.is_whole(warehouse, left)
    make_backup.run(apart.patient(warehouse), str(new))
    return OfBackup(code, whole, apart.told(new), apart.scratch(warehouse))


def killed_restore(warehouse: Warehouse, kept: Path, point: str) -> OfRestore:
    """Reset, kill it, start it again."""
    apart.reset(warehouse)
    code = apart.killed(warehouse, apart.into(restore.run, kept), point)
    refused = apart.again(warehouse, kept)
    return OfRestore(code, refused, None if refused else apart.state(warehouse))


@pytest.mark.parametrize("point", OF_BACKUP)
def test_a_killed_backup_is_none_or_whole_and_the_next_is_as_if_nobody_was_killed(
    told: Told, point: str
) -> None:
    backup = told.backups[point]

    assert backup.code == KILLED
    assert backup.is_whole == (point == MANIFEST)
    assert backup.after == told.made
    assert backup.scratch == []


@pytest.mark.parametrize("point", OF_RESTORE)
def test_a_killed_restore_goes_on_or_says_that_gold_is_not_empty(told: Told, point: str) -> None:
    left = told.restores[point]

    assert left.code == KILLED
    assert left.refused == ("" if point in BEFORE_ROWS else "gold is not empty")
    assert left.state == (None if left.refused else told.was)


def test_after_a_reset_the_restore_brings_all_back(told: Told) -> None:
    assert told.last == told.was
    assert told.scratch == []


# ---- the archive of old months ------------------------------------------------------------------


@dataclass
class OfArchive:
    """What gold holds, and how many months the archive, after a kill."""

    code: int
    gold: dict[str, Any]
    months: int


@dataclass
class Archived:
    """A shop before its months leave, after each kill, at the end, and killed on the way back."""

    before: dict[str, Any]
    kills: dict[str, OfArchive]
    after: OfArchive
    failing: list[str]
    back: dict[str, OfArchive]


@pytest.fixture(scope="module")
def archived(told: Told, new_warehouse: Callable[..., Warehouse]) -> Archived:
    old = Shop(new_warehouse(), HISTORY)
    before = old.gold()
    kills = {point: killed_archive(old, archive.run, point) for point in (KEPT, LET_GO)}
    old.archive(trigger="schedule")
    after, failing = OfArchive(0, old.gold(), len(old.archived())), old.failing()
    reopen = partial(archive.run, reopen=OLDEST)
    ends = ("before the load of gold", "after the load of gold")
    back = {point: killed_archive(old, reopen, point) for point in ends}
    return Archived(before, kills, after, failing, back)


def killed_archive(old: Shop, job: apart.Job, point: str) -> OfArchive:
    """Kill the job, and look."""
    code = apart.killed(old.warehouse, job, point)
    return OfArchive(code, old.gold(), len(old.archived()))


def lines(gold: dict[str, Any]) -> int:
    """Lines of the fact."""
    return len(gold["fact_transactions"])


def test_every_point_of_the_archive_is_one_of_these() -> None:
    assert set(points(ARCHIVE)) == {KEPT, LET_GO}


def test_a_month_is_in_gold_or_it_is_not(archived: Archived) -> None:
    kept, gone = archived.kills[KEPT], archived.kills[LET_GO]

    assert kept == OfArchive(KILLED, archived.before, 0)
    assert (gone.code, gone.months) == (KILLED, 1)
    assert lines(archived.before) - lines(gone.gold) == 1


def test_the_next_run_takes_the_rest(archived: Archived) -> None:
    kept = [r for r in archived.before["fact_transactions"] if r[6].date() >= STARTS]

    assert archived.after.months == 6
    assert archived.after.gold["fact_transactions"] == kept
    assert archived.failing == []


def test_on_the_way_back_all_months_are_gold_s_or_none(archived: Archived) -> None:
    before, after = archived.back.values()

    assert before == OfArchive(KILLED, archived.after.gold, 6)
    assert after == OfArchive(KILLED, archived.before, 0)
