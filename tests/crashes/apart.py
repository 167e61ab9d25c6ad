"""Backup and restore, killed at their points: each in a warehouse of its own, which they fill."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jobs.backup import restore
from jobs.backup.files import Files, as_uri
from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.errors import UsageError
from jobs.common.job import JobContext
from jobs.common.lake import make_tables
from jobs.common.migrate import migrate
from jobs.common.roles import create_gold
from jobs.common.runlog import Run
from tests.backup import shop
from tests.crashes.drivers import Driver
from tests.crashes.victims import Victim
from tests.support import databases
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

Job = Callable[[JobContext], object]
# What the backups themselves add to gold, one after the other.
OF_RUNS = {"ops.runs"}


def into(job: Callable[[JobContext, str], Run], directory: Path) -> Job:
    """A job that takes a directory, and which."""
    return partial(_into, job, str(directory))


def _into(job: Callable[[JobContext, str], Run], directory: str, context: JobContext) -> Run:
    return job(context, directory)


def killed(warehouse: Warehouse, job: Job, point: str) -> int:
    """Kill the job at the point; how its process ended."""
    step = partial(_called, job)
    return Driver(warehouse.spark, warehouse.settings, step, die_at=point).end().code


def hit(warehouse: Warehouse, victim: Victim, job: Job, point: str) -> int:
    """Kill what the job needs while it waits at the point; how it ended."""
    running = victim.start(warehouse, partial(_called, job), point)
    assert running.wait_for_pause(), running.end()
    assert victim.kill(warehouse, running)
    ended = running.end()
    victim.heal(warehouse)
    assert ended.code in victim.codes, ended.words
    return ended.code


def _called(job: Job, context: JobContext, _: datetime) -> None:
    """As a driver calls it; a function of the module, which its process can be sent."""
    job(context)


def patient(warehouse: Warehouse) -> JobContext:
    """As a scheduler calls: the locks of the killed run go a moment after the run."""
    return replace(warehouse.context, trigger="schedule")


def is_whole(warehouse: Warehouse, directory: Path) -> bool:
    """Whether a restore would take the backup; a half-made one is refused for what it is."""
    try:
        restore.extract(Files(warehouse.spark), as_uri(str(directory)))
    except UsageError as error:
        assert "a half-made one" in error.what
        return False
    return True


def told(directory: Path) -> dict[str, Any]:
    """What a backup holds, but for its own run and its date."""
    manifest = json.loads((directory / "manifest.json").read_text())
    files, counts = manifest["files"], manifest["counts"]
    return {
        "tables": manifest["tables"],
        "files": {name: file for name, file in files.items() if name != "gold.dump"},
        "counts": {name: count for name, count in counts.items() if name not in OF_RUNS},
    }


@dataclass(frozen=True)
class State:
    """A warehouse's rows and the names of its files in landing."""

    gold: dict[str, Rows]
    bronze: dict[str, Rows]
    landing: list[str]


def state(warehouse: Warehouse) -> State:
    """What a restore brings back."""
    landing = warehouse.landing
    files = sorted(str(p.relative_to(landing)) for p in landing.rglob("*.*"))
    return State(databases.state(warehouse.settings), shop.bronze(warehouse), files)


def reset(warehouse: Warehouse) -> None:
    """As `scripts/run_reset.sh` and a set-up do: gold, lake and landing anew."""
    warehouse.close()
    lake = Path(warehouse.settings.lake.removeprefix("file://"))
    for table in BRONZE_TABLES + DW_TABLES:
        warehouse.spark.sql(f"DROP TABLE IF EXISTS {table.full_name} PURGE")
        shutil.rmtree(lake / table.full_name.replace(".", ".db/"), ignore_errors=True)
    make_tables(warehouse.spark, warehouse.settings)
    shutil.rmtree(warehouse.landing, ignore_errors=True)
    set_up(warehouse)


def set_up(warehouse: Warehouse) -> None:
    """What `scripts/run_restore.sh` does first."""
    create_gold(warehouse.settings)
    migrate(warehouse.settings)


def again(warehouse: Warehouse, directory: Path) -> str:
    """Start the restore again; why it was refused, or nothing when it went on to its end."""
    set_up(warehouse)
    try:
        restore.run(patient(warehouse), str(directory))
    except UsageError as error:
        return error.what
    return ""


def scratch(warehouse: Warehouse) -> list[str]:
    """Dumps of gold that were left in the home."""
    return sorted(path.name for path in warehouse.settings.home.glob(".scratch-*"))
