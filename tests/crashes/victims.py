"""What is killed while a run waits at a point, and how the run then is to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import psutil
import psycopg2

from embedded import services
from embedded.home import Home
from jobs.common.contracts import DW_TABLES
from jobs.common.db import connect
from jobs.common.errors import TransientError
from jobs.common.job import JobContext
from tests.crashes.drivers import KILLED, Driver, Ended
from tests.crashes.metastore_service import MetastoreService
from tests.crashes.steps import STEPS, UNDELIVERED, Step, by_tasks
from tests.crashes.wrapped import WRAPPERS, Wrapped
from tests.support.processes import python_workers
from tests.support.warehouse import Warehouse

# A run shows that it lives by a lock on its number, as `ops.v_runs` reads it.
BACKENDS = """
SELECT l.pid FROM pg_locks AS l JOIN ops.runs AS r ON l.objid = r.run_id::oid
WHERE l.locktype = 'advisory' AND l.classid = 8272 AND l.granted AND r.status = 'running'
"""
LATER = TransientError.exit_code
WITHOUT_SPARK = {
    "detect_anomalies",
    "send_mail",
    "refresh_baselines",
    "review_anomaly",
    "check_readiness",
    UNDELIVERED,
}


class Running(Protocol):
    """A run that is under way."""

    def wait_for_pause(self) -> bool:
        """Until it waits at its point; whether it does."""

    def end(self) -> Ended:
        """Let it go on, and see how it ends."""


Start = Callable[[Warehouse, str | Step, str], Running]


def attached(warehouse: Warehouse, job: str | Step, point: str) -> Running:
    """A driver on the JVM of the tests."""
    return Driver(warehouse.spark, warehouse.settings, job, pause_at=point)


@dataclass(frozen=True)
class Victim:
    """Something that a run needs.

    Attributes:
        kill: ends it, and starts again what does not come back by itself; how many processes.
        start: begins a run that waits at a point.
        codes: with which a run may end that lost it.
        heal: makes the JVM of the tests forget it, as the next run's own JVM never knew it.
    """

    kill: Callable[[Warehouse, Running], int]
    start: Start = attached
    codes: Collection[int] = (0, LATER)
    heal: Callable[[Warehouse], None] = lambda _: None


@contextmanager
def driver(_: Warehouse) -> Iterator[Victim | None]:
    """The run itself."""
    yield None


@contextmanager
def backend(_: Warehouse) -> Iterator[Victim]:
    """The Postgres process that serves the run: all others end with it, and the server recovers."""

    def kill(warehouse: Warehouse, _: Running) -> int:
        serving = warehouse.gold_rows(BACKENDS)
        for (pid,) in serving:
            os.kill(pid, signal.SIGKILL)
        _wait_for_postgres(warehouse)
        return len(serving)

    yield Victim(kill, heal=_heal)


@contextmanager
def server(_: Warehouse) -> Iterator[Victim]:
    """Postgres itself, which is then started again, as the next script would."""

    def kill(warehouse: Warehouse, _: Running) -> int:
        home = Home(warehouse.settings.home)
        pid = int((home.pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        _kill_all(psutil.Process(pid))
        services.up(home)
        _wait_for_postgres(warehouse)
        return 1

    yield Victim(kill, heal=_heal)


@contextmanager
def workers(warehouse: Warehouse) -> Iterator[Victim]:
    """The Python workers of the executor, and what forks them; all files and lines are theirs."""
    gateway = warehouse.spark.sparkContext._gateway
    assert gateway is not None
    executor = psutil.Process(gateway.proc.pid)

    def start(warehouse: Warehouse, job: str | Step, point: str) -> Running:
        step = partial(by_tasks, job)
        return Driver(warehouse.spark, warehouse.settings, step, pause_at=point)

    def kill(_: Warehouse, __: Running) -> int:
        found = python_workers(executor)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return len(found)

    yield Victim(kill, start, codes=(0,))


@contextmanager
def metastore(warehouse: Warehouse) -> Iterator[Victim]:
    """The Hive metastore as a service; a new one starts while the run goes on."""
    service = MetastoreService(warehouse)
    uri = f"thrift://127.0.0.1:{service.port}"

    def start(warehouse: Warehouse, job: str | Step, point: str) -> Running:
        service.wait()
        return Driver(warehouse.spark, warehouse.settings, job, pause_at=point, metastore=uri)

    def kill(_: Warehouse, __: Running) -> int:
        service.end()
        service.start()
        return 1

    service.start()
    try:
        yield Victim(kill, start)
    finally:
        service.end()


@contextmanager
def wrapper(warehouse: Warehouse) -> Iterator[Victim]:
    """The process that a wrapper became: with Spark, the driver's JVM, whose Python goes on."""

    def kill(_: Warehouse, running: Running) -> int:
        assert isinstance(running, Wrapped)
        running.process.kill()
        return 1

    def start(warehouse: Warehouse, job: str | Step, point: str) -> Running:
        assert isinstance(job, str)
        return Wrapped(warehouse, job, point)

    yield Victim(kill, start, codes=(KILLED,))


WITH_SPARK = [job for job in STEPS if job not in WITHOUT_SPARK]
VICTIMS: tuple[tuple[Callable[[Warehouse], Any], Collection[str]], ...] = (
    (driver, STEPS),
    (backend, STEPS),
    (server, STEPS),
    (workers, WITH_SPARK),
    (metastore, WITH_SPARK),
    (wrapper, WRAPPERS),
)


def _kill_all(process: psutil.Process) -> None:
    children = process.children()
    process.kill()
    psutil.wait_procs([process, *children], timeout=30)


def _wait_for_postgres(warehouse: Warehouse) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with closing(connect(warehouse.settings)) as conn, conn.cursor() as cur:
                cur.execute("SELECT 1")
            return
        except (TransientError, psycopg2.Error) as error:
            if "does not exist" in str(error):  # a restore has yet to make the database
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _heal(warehouse: Warehouse) -> None:
    """Each driver has a thread of the JVM; its pool may still have connections that are dead."""
    deadline = time.monotonic() + 60
    in_a_row = 0
    while in_a_row < 2:
        ended = Driver(warehouse.spark, warehouse.settings, _write_to_the_lake).end()
        in_a_row = 0 if ended.code else in_a_row + 1
        assert time.monotonic() < deadline, ended.words


def _write_to_the_lake(context: JobContext, _: datetime) -> None:
    """A table of its own, which then goes: a backup is to be as if nothing had been."""
    name = f"{DW_TABLES[0].full_name}_healed"
    context.session.sql(f"CREATE TABLE IF NOT EXISTS {name} (nothing int) USING iceberg")
    context.session.sql(f"DROP TABLE {name} PURGE")
