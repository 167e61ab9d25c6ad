"""The kill matrix: each job killed at its points, run again, and the warehouse looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.errors import BadInput
from jobs.common.job import JobContext
from jobs.common.points import watched
from jobs.pipeline import CHAIN
from tests.crashes import chores, shop
from tests.crashes.drivers import Driver
from tests.crashes.points import Row, in_rows
from tests.crashes.steps import ALL, BY_HAND, STEPS, corrections, erasures, kinds
from tests.crashes.victims import Running, Victim
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

NOT_COMPARED = {"batch_id"}
ALSO_COMPARED = {
    "ops.rejected_rows": "dataset, source_file, source_line, file_sha256, reason, raw::text",
    "ops.corrections": (
        "kind, subject, country_id, stock_code, first_day, last_day, unit_price, who, why, followed"
    ),
    "ops.erased_customers": "who, why",
    "ops.loaded_files": "file_sha256, source_file, window_start, line_count",
    "transactions_error WHERE status = 'DISCARDED'": "transaction_id, source_file, source_line",
}


@dataclass
class Seen:
    """What was found after kills of a job and its next run."""

    exit_codes: list[int]
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
    of_kind: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    seen: list[tuple[Row, Seen]] = field(default_factory=list)
    hits: int = 0
    deliveries: int = 0
    held: int = 0

    @property
    def context(self) -> JobContext:
        """As a scheduler calls: the lock of the killed run goes a moment after the run."""
        return replace(self.warehouse.context, trigger="schedule")

    def run(
        self,
        jobs: Collection[str] = STEPS,
        deal: Callable[[Mapping[str, Sequence[str]]], list[Row]] = in_rows,
    ) -> Matrix:
        """A run of each job that is left alone tells its points; then all kills that are dealt."""
        self.begin(jobs)
        wanted = deal(self.reached)
        of_chain = {step.name: [r for r in wanted if r[0][0] == step.name] for step in CHAIN}
        while any(of_chain.values()):
            self.next_delivery()
            self.chain(rows.pop() for rows in of_chain.values() if rows)
        for job in BY_HAND:
            for row in wanted:
                if row[0][0] == job:
                    self.kill(row)
        return self

    def begin(self, watched: Collection[str] = STEPS) -> None:
        """A history, and a day on which each of these jobs tells its points."""
        self.deliver(shop.history())
        self.chain(iter(()))
        self.next_delivery()
        self.chain(iter(()), watched=watched)
        for job in BY_HAND:
            if job in watched:
                self.watch(job)

    def end(self) -> None:
        """What is left to do."""
        for step in CHAIN:
            self.go(step.name)

    def next_delivery(self) -> None:
        """The files of the next day."""
        self.deliver(shop.delivery(self.deliveries))
        self.deliveries += 1

    def deliver(self, files: Iterable[shop.File]) -> None:
        """Put files into landing."""
        for dataset, name, content in files:
            self.warehouse.deliver(dataset, name, content)  # type: ignore[arg-type]

    def chain(self, rows: Iterator[Row], *, watched: Collection[str] = ()) -> None:
        """Every job once; one with kills is killed first."""
        to_kill = {row[0][0]: row for row in rows}
        for step in CHAIN:
            if step.name in to_kill:
                self.kill(to_kill[step.name])
            elif step.name in watched:
                self.watch(step.name)
            elif step.name != "dw":  # it brings up all at once, at the end
                self.go(step.name)

    def go(self, job: str) -> None:
        """Run a job; that files were refused, or held back, is no failure."""
        with suppress(BadInput):
            ALL[job](self.context, datetime.now(UTC))

    def watch(self, job: str) -> None:
        """Run a job, once of each kind, and note the points that it reaches."""
        all_seen = self.reached.setdefault(job, [])
        for _ in range(kinds(job)):
            seen: list[str] = []
            chores.prepare(self, job)
            kind = self.kind(job)
            with watched(seen.append):
                self.go(job)
            chores.settle(self, job)
            all_seen += seen
            self.of_kind[job, kind] = {*seen}

    def kill(self, row: Row) -> None:
        """Kill the job at the points, a run each; run it again, look."""
        job = row[0][0]
        chores.prepare(self, job)
        while not {point for _, point in row} <= self.of_kind[job, self.kind(job)]:
            self.go(job)
        before = self.last_run()
        codes = [self.die(*kill) for kill in row]
        self.go(job)
        self.seen.append((row, self.look(job, codes, before)))
        chores.settle(self, job)

    def kind(self, job: str) -> int:
        """Of which kind its next run is."""
        return corrections(self.warehouse.settings) % kinds(job)

    def die(self, job: str, point: str) -> int:
        """Kill the job at the point; how its process ended."""
        if self.victim:
            ended = self.hit(self.victim, job, point).end()
            self.victim.heal(self.warehouse)
            return ended.code
        return self.driver(job, die_at=point).end().code

    def hit(self, victim: Victim, job: str, point: str) -> Running:
        """Kill something else while the job waits at the point."""
        running = victim.start(self.warehouse, job, point)
        assert running.wait_for_pause(), f"{job} does not reach {point}: {running.end()}"
        self.hits += victim.kill(self.warehouse, running)
        return running

    def driver(self, job: str, **orders: Any) -> Driver:
        """A process that runs the job."""
        return Driver(self.warehouse.spark, self.warehouse.settings, job, **orders)

    def last_run(self) -> int:
        """The number of the latest run."""
        return int(self.warehouse.gold_rows("SELECT coalesce(max(run_id), 0) FROM ops.runs")[0][0])

    def look(self, job: str, codes: list[int], before: int) -> Seen:
        """What is left over, and how the runs since ended."""
        rows = self.warehouse.gold_rows
        staging = rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")
        dataset = job.removeprefix("ingest_")
        waiting = self.warehouse.waiting(dataset) if job.startswith("ingest_") else []  # type: ignore[arg-type]
        return Seen(
            codes,
            [row for row in staging if row[0].rsplit("_", 1)[-1].isdigit()],
            waiting,
            self._without_reason(),
            rows("SELECT status FROM ops.v_runs WHERE run_id > %s ORDER BY run_id", before),
        )

    def _without_reason(self) -> list[str]:
        refused = [p for p in (self.warehouse.landing / "rejected").rglob("*") if p.is_file()]
        names = {str(path) for path in refused}
        return [p.name for p in refused if p.suffix != ".reason" and f"{p}.reason" not in names]


def never_killed(warehouse: Warehouse, other: Matrix) -> Warehouse:
    """The same files and words of people, taken by one run of each job in an empty warehouse."""
    clean = Matrix(warehouse)
    clean.deliver(shop.history())
    for _ in range(other.deliveries):
        clean.next_delivery()
    for number in range(other.held):
        clean.deliver([*shop.too_large(number), *shop.put_right(number)])
    clean.chain(iter(()))
    if "review_anomaly" in other.reached:
        clean.go("review_anomaly")
    settings = other.warehouse.settings
    for job, count in (
        ("correct", corrections(settings)),
        ("dw", 1),
        ("erase_customer", erasures(settings)),
    ):
        for _ in range(count):
            clean.go(job)
    return warehouse


def assert_equal(found: dict[str, Rows], clean: Warehouse) -> None:
    """All is, row for row and file for file, as in a warehouse where nothing happened."""
    expected = state(clean)
    assert expected["anomalies WHERE still_flagged"]
    assert expected["transactions_error WHERE status = 'OPEN'"]
    assert expected["ops.rejected_rows"]
    assert expected["landing"]
    for table, rows in expected.items():
        assert differing(found[table], rows) == {}, table


def state(warehouse: Warehouse) -> dict[str, Rows]:
    """All that must not depend on what happened on the way: gold, lake, and files of landing."""
    kept = {
        table: warehouse.gold_rows(f"SELECT {columns} FROM {table}")
        for table, columns in ALSO_COMPARED.items()
    }
    return warehouse.gold_state() | kept | lake_state(warehouse) | {"landing": files_of(warehouse)}


def files_of(warehouse: Warehouse) -> Rows:
    """Files below landing, wherever they lie, and their bytes."""
    root = warehouse.landing
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted((str(p.relative_to(root)), sha256(p.read_bytes()).hexdigest()) for p in files)


def differing(one: Rows, other: Rows) -> dict[str, int]:
    """Rows that the one has more often than the other, or, below 0, more seldom."""
    counts = Counter(map(repr, one))
    counts.subtract(map(repr, other))
    return {row: count for row, count in counts.items() if count}


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
    known: set[Path] = set()
    for table in BRONZE_TABLES + DW_TABLES:
        files = warehouse.spark.table(f"{table.full_name}.all_data_files").select("file_path")
        known |= {Path(row[0].removeprefix("file:")) for row in files.collect()}
    lake = Path(warehouse.settings.lake.removeprefix("file://"))
    return sorted(map(str, {*lake.rglob("*.parquet")} - known))


def untold(warehouse: Warehouse) -> Rows:
    """Anomalies of which no mail tells."""
    return warehouse.gold_rows(
        "SELECT transaction_id FROM anomalies AS a WHERE NOT EXISTS"
        " (SELECT FROM ops.mail_findings AS f WHERE f.batch_id = a.batch_id)"
    )


def mail_ids(messages: Iterable[Any]) -> list[str]:
    """The Message-IDs that a server saw, in order."""
    return [str(message["Message-ID"]) for message in messages]
