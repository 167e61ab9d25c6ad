"""What is killed while a run waits at a point, and how the run then is to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg2

from cluster import hive
from cluster.settings import ServiceSettings
from embedded import services
from embedded.home import Home, free_port
from jobs.common.contracts import DW_TABLES
from jobs.common.db import connect
from jobs.common.errors import TransientError
from jobs.common.job import JobContext
from jobs.common.lake import set_property
from jobs.common.settings import PROJECT_ROOT
from jobs.pipeline import CHAIN
from tests.crashes.drivers import KILLED, PATIENCE, Driver, Ended
from tests.crashes.steps import HELD, STEPS
from tests.support.warehouse import Warehouse

# A run shows that it lives by a lock on its number, as `ops.v_runs` reads it.
BACKENDS = """
SELECT l.pid FROM pg_locks AS l JOIN ops.runs AS r ON l.objid = r.run_id::oid
WHERE l.locktype = 'advisory' AND l.classid = 8272 AND l.granted AND r.status = 'running'
"""
LATER = TransientError.exit_code
HOOK = Path(__file__).with_name("hook")
WITHOUT_SPARK = {
    "detect_anomalies",
    "send_mail",
    "refresh_baselines",
    "review_anomaly",
    "check_readiness",
}
# Those that are called without arguments; the others start alike.
WRAPPERS = {step.name: f"run_{step.name}.sh" for step in CHAIN} | {
    "replay_errors": "run_replay_errors.sh",
    HELD: "run_fact_postgres.sh",
}


class Running(Protocol):
    """A run that is under way."""

    def wait_for_pause(self) -> bool:
        """Until it waits at its point; whether it does."""

    def end(self) -> Ended:
        """Let it go on, and see how it ends."""


Start = Callable[[Warehouse, str, str], Running]


def attached(warehouse: Warehouse, job: str, point: str) -> Running:
    """A driver on the JVM of the tests."""
    return Driver(warehouse.spark, warehouse.settings, job, pause_at=point)


@dataclass(frozen=True)
class Victim:
    """Something that a run needs.

    Attributes:
        kill: ends it, and starts again what does not come back by itself.
        start: begins a run that waits at a point.
        codes: with which a run may end that lost it.
        heal: makes the JVM of the tests forget it, as the next run's own JVM never knew it.
    """

    kill: Callable[[Warehouse, Running], None]
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

    def kill(warehouse: Warehouse, _: Running) -> None:
        for (pid,) in warehouse.gold_rows(BACKENDS):
            os.kill(pid, signal.SIGKILL)
        _wait_for_postgres(warehouse)

    yield Victim(kill, heal=_heal)


@contextmanager
def server(_: Warehouse) -> Iterator[Victim]:
    """Postgres itself, which is then started again, as the next script would."""

    def kill(warehouse: Warehouse, _: Running) -> None:
        home = Home(warehouse.settings.home)
        pid = int((home.pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        _kill_all(psutil.Process(pid))
        services.up(home)
        _wait_for_postgres(warehouse)

    yield Victim(kill, heal=_heal)


@contextmanager
def workers(warehouse: Warehouse) -> Iterator[Victim]:
    """The Python workers of the executor, and what forks them."""
    gateway = warehouse.spark.sparkContext._gateway
    assert gateway is not None
    executor = psutil.Process(gateway.proc.pid)

    def kill(_: Warehouse, __: Running) -> None:
        for process in executor.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a zombie, or gone
                if "pyspark.daemon" in process.cmdline():
                    process.kill()

    yield Victim(kill, codes=(0,))


@contextmanager
def metastore(warehouse: Warehouse) -> Iterator[Victim]:
    """The Hive metastore as a service; a new one starts while the run goes on."""
    service = _Metastore(warehouse)
    uri = f"thrift://127.0.0.1:{service.port}"

    def start(warehouse: Warehouse, job: str, point: str) -> Running:
        service.wait()
        return Driver(warehouse.spark, warehouse.settings, job, pause_at=point, metastore=uri)

    def kill(_: Warehouse, __: Running) -> None:
        service.end()
        service.start()

    service.start()
    try:
        yield Victim(kill, start)
    finally:
        service.end()


@contextmanager
def wrapper(warehouse: Warehouse) -> Iterator[Victim]:
    """The process that a wrapper became: with Spark, the driver's JVM, whose Python goes on."""

    def kill(_: Warehouse, running: Running) -> None:
        assert isinstance(running, _Wrapped)
        running.process.kill()

    yield Victim(kill, _Wrapped, codes=(KILLED,))


WITH_SPARK = [job for job in STEPS if job not in WITHOUT_SPARK]
VICTIMS: tuple[tuple[Callable[[Warehouse], Any], Collection[str]], ...] = (
    (driver, STEPS),
    (backend, STEPS),
    (server, STEPS),
    (workers, WITH_SPARK),
    (metastore, WITH_SPARK),
    (wrapper, WRAPPERS),
)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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
        except (TransientError, psycopg2.Error):
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


def _write_to_the_lake(context: JobContext, now: datetime) -> None:
    set_property(context.session, DW_TABLES[0], "tests.healed", f"{now}")


class _Metastore:
    """The service as a cluster has it, over the database that the JVM of the tests reads too."""

    def __init__(self, warehouse: Warehouse) -> None:
        home = Home(warehouse.settings.home)
        self.port = free_port()
        data = home.root / "metastore service"
        data.mkdir(exist_ok=True)
        self._where = ServiceSettings(service_bind="127.0.0.1", metastore_port=self.port)
        self._environment = {
            **os.environ,
            **{k: v for k, v in home.read().items() if k.startswith("METASTORE_DB_")},
            "LAKE_URI": warehouse.settings.lake,
            "SERVICE_HOST": "localhost",
            "SERVICE_BIND": "127.0.0.1",
            "SERVICE_DATA": str(data),
            "SERVICE_MEMORY": "256m",
            "METASTORE_PORT": str(self.port),
            "WAREHOUSE_MODE": "cluster",
            "WAREHOUSE_HOME": str(data),
        }
        self._log = data / "metastore.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Without waiting until it is well."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cluster", "run", "metastore"],
                cwd=PROJECT_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                hive.check(self._where)
                return
            except TransientError:
                assert time.monotonic() < deadline, self._log.read_text()[-2000:]
                time.sleep(0.1)

    def end(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class _Wrapped:
    """A run that is called by its wrapper, and waits at a point."""

    def __init__(self, warehouse: Warehouse, job: str, point: str) -> None:
        settings = warehouse.settings
        self._folder = warehouse.landing.with_name(f"{warehouse.landing.name}-wrapped")
        self._folder.mkdir(exist_ok=True)
        self._word = self._folder / "paused"
        self._go_on = self._folder / "go on"
        for path in (self._word, self._go_on):
            path.unlink(missing_ok=True)
        changed = {
            name: str(getattr(settings, name))
            for name in ("gold_db", "landing_uri", "smtp_host", "smtp_port", "smtp_security")
        }
        environment = {
            **os.environ,
            "PYSPARK_SUBMIT_ARGS": "",  # those of the tests' own session
            **{name.upper(): value for name, value in changed.items()},
            "WAREHOUSE_HOME": str(settings.home),
            "PYTHONPATH": str(HOOK),
            "PAUSE_AT": point,
            "PAUSE_IN": str(self._folder),
        }
        self._log = self._folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [PROJECT_ROOT / "scripts" / WRAPPERS[job]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_for_pause(self) -> bool:
        while not self._word.exists() and self.process.poll() is None:
            time.sleep(0.02)
        return self._word.exists()

    def end(self) -> Ended:
        """Of the wrapper; the Python that it leaves behind ends by itself."""
        code = self.process.wait(PATIENCE)
        driver = int(self._word.read_text())
        self._go_on.touch()
        deadline = time.monotonic() + PATIENCE
        while _lives(driver):
            assert time.monotonic() < deadline, "a driver without its JVM hangs"
            time.sleep(0.02)
        return Ended(code, self._log.read_text())
