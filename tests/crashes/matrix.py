"""The kill matrix: each job killed at its points, run again, and the warehouse looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.errors import BadInput
from jobs.common.job import JobContext
from jobs.common.points import watched
from jobs.pipeline import CHAIN
from tests.crashes import shop
from tests.crashes.drivers import Driver
from tests.crashes.points import Kill, dealt
from tests.crashes.steps import BY_HAND, STEPS
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

NOT_COMPARED = {"batch_id"}

Victim = Callable[[Warehouse], None]


@dataclass
class Seen:
    """What was found after a kill and the next run of the same job."""

    exit_code: int
    staging: Rows
    waiting: list[str]
    without_reason: list[str]
    runs: Rows


@dataclass
class Matrix:
    """A warehouse whose jobs are killed, one delivery after the other.

    `victim` is killed while the driver waits at its point; without one, it is the driver.
    """

    warehouse: Warehouse
    victim: Victim | None = None
    reached: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[Kill, Seen] = field(default_factory=dict)
    deliveries: int = 0

    @property
    def context(self) -> JobContext:
        """As a scheduler calls: the lock of the killed run goes a moment after the run."""
        return replace(self.warehouse.context, trigger="schedule")

    def run(self, choose: Callable[[dict[str, list[str]]], Iterable[Kill]] = dealt) -> Matrix:
        """A run that is left alone tells the points; then every kill that `choose` wants."""
        self.begin()
        wanted = list(choose(self.reached))
        of_chain = {step.name: [k for k in wanted if k[0] == step.name] for step in CHAIN}
        while any(of_chain.values()):
            self.next_delivery()
            self.chain(kills.pop() for kills in of_chain.values() if kills)
        for kill in wanted:
            if kill[0] in BY_HAND:
                self.kill(kill)
        return self

    def begin(self) -> None:
        """A history, and a day on which every job tells its points."""
        self.deliver(shop.history())
        self.chain(iter(()))
        self.next_delivery()
        self.chain(iter(()), watch=True)
        for job in BY_HAND:
            self.watch(job)

    def end(self) -> None:
        """What is left to do."""
        for job in ("fact_postgres", "detect_anomalies", "send_mail", "dw"):
            self.go(job)

    def next_delivery(self) -> None:
        """The files of the next day."""
        self.deliver(shop.delivery(self.deliveries))
        self.deliveries += 1

    def deliver(self, files: Iterable[shop.File]) -> None:
        """Put files into landing."""
        for dataset, name, content in files:
            self.warehouse.deliver(dataset, name, content)  # type: ignore[arg-type]

    def chain(self, kills: Iterator[Kill], *, watch: bool = False) -> None:
        """Every job once; one with a kill is killed first."""
        to_kill = dict(kills)
        for step in CHAIN:
            if step.name in to_kill:
                self.kill((step.name, to_kill[step.name]))
            elif watch:
                self.watch(step.name)
            elif step.name != "dw":  # it brings up all at once, at the end
                self.go(step.name)

    def go(self, job: str) -> None:
        """Run a job; that files were refused is no failure."""
        with suppress(BadInput):
            STEPS[job](self.context, datetime.now(UTC))

    def watch(self, job: str) -> None:
        """Run a job and note the points that it reaches."""
        seen: list[str] = []
        with watched(seen.append):
            self.go(job)
        self.reached[job] = seen

    def kill(self, kill: Kill) -> None:
        """Kill the job at the point, run it again, look."""
        job, point = kill
        before = self.last_run()
        ended = self.hit(self.victim, job, point) if self.victim else self.driver(job, die_at=point)
        code = ended.end().code
        self.go(job)
        self.seen[kill] = self.look(job, code, before)

    def hit(self, victim: Victim, job: str, point: str) -> Driver:
        """Kill something else while the job waits at the point."""
        driver = self.driver(job, pause_at=point)
        driver.wait_for_pause()
        assert driver.orders.paused.is_set(), f"{job} does not reach {point}"
        victim(self.warehouse)
        return driver

    def driver(self, job: str, **orders: str | None) -> Driver:
        """A process that runs the job."""
        return Driver(self.warehouse.spark, self.warehouse.settings, job, **orders)

    def last_run(self) -> int:
        """The number of the latest run."""
        return int(self.warehouse.gold_rows("SELECT coalesce(max(run_id), 0) FROM ops.runs")[0][0])

    def look(self, job: str, code: int, before: int) -> Seen:
        """What is left over, and how the runs since ended."""
        rows = self.warehouse.gold_rows
        staging = rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")
        dataset = job.removeprefix("ingest_")
        waiting = self.warehouse.waiting(dataset) if job.startswith("ingest_") else []  # type: ignore[arg-type]
        return Seen(
            code,
            [row for row in staging if row[0].rsplit("_", 1)[-1].isdigit()],
            waiting,
            self._without_reason(),
            rows("SELECT status FROM ops.v_runs WHERE run_id > %s ORDER BY run_id", before),
        )

    def _without_reason(self) -> list[str]:
        refused = [p for p in (self.warehouse.landing / "rejected").rglob("*") if p.is_file()]
        names = {str(path) for path in refused}
        return [p.name for p in refused if p.suffix != ".reason" and f"{p}.reason" not in names]


def never_killed(warehouse: Warehouse, deliveries: int) -> Warehouse:
    """The same files, taken by one run of each job in an empty warehouse."""
    clean = Matrix(warehouse)
    clean.deliver(shop.history())
    for _ in range(deliveries):
        clean.next_delivery()
    clean.chain(iter(()))
    clean.go("review_anomaly")
    clean.go("dw")
    return warehouse


def assert_equal(gold: dict[str, Rows], lake: dict[str, Rows], clean: Warehouse) -> None:
    """Gold and lake hold, row for row, what a warehouse holds where nothing happened."""
    expected = clean.gold_state()
    assert expected["anomalies WHERE still_flagged"]
    assert expected["transactions_error WHERE status = 'OPEN'"]
    for table, rows in expected.items():
        assert sorted(gold[table], key=repr) == sorted(rows, key=repr), table
    for table, rows in lake_state(clean).items():
        assert lake[table] == rows, table


def lake_state(warehouse: Warehouse) -> dict[str, Rows]:
    """All rows of the lake but for which run wrote them."""
    return {
        table.full_name: warehouse.bronze(
            table, *(name for name in table.column_names if name not in NOT_COMPARED)
        )
        for table in BRONZE_TABLES + DW_TABLES
    }


def strays(warehouse: Warehouse) -> list[str]:
    """Data files of the lake that no snapshot knows."""
    found: set[Path] = set()
    known: set[Path] = set()
    for table in BRONZE_TABLES + DW_TABLES:
        files = warehouse.spark.table(f"{table.full_name}.all_data_files").select("file_path")
        known |= {Path(row[0].removeprefix("file:")) for row in files.collect()}
        folders = {path.parent for path in known}
        found |= {file for folder in folders for file in folder.glob("*.parquet")}
    return sorted(str(path) for path in found - known)


def mail_ids(messages: Iterable[Any]) -> list[str]:
    """The Message-IDs that a server saw, in order."""
    return [str(message["Message-ID"]) for message in messages]
