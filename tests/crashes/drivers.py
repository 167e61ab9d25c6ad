"""Drivers of their own on the JVM of the tests' Spark session: to be killed, paused, raced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import NamedTuple

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.errors import BadInput, WarehouseError
from jobs.common.job import JobContext, code_of_foreign
from jobs.common.points import watched
from jobs.common.session import CATALOG
from jobs.common.settings import Settings
from tests.crashes.steps import ALL, Step

KILLED = -signal.SIGKILL
PATIENCE = 120  # seconds
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


class Ended(NamedTuple):
    """How a driver ended: its exit code, and its error in words."""

    code: int
    words: str = ""


@dataclass(frozen=True)
class _Orders:
    """What a driver is to do at points, and how it tells."""

    die_at: str | None
    pause_at: str | None
    paused: Event
    go_on: Event
    told: Connection

    def reached(self, point: str) -> None:
        if point == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if point == self.pause_at and not self.paused.is_set():
            self.paused.set()
            self.go_on.wait(PATIENCE)


class _Door(NamedTuple):
    """Where the JVM is reached; whether with a catalog apart, and whose metastore that asks."""

    port: int
    secret: str
    apart: bool
    metastore: str | None


class Driver:
    """A process that runs a job, and dies or waits at a point of it.

    Apart, it knows the lake's tables by itself, as a run with a JVM of its own does: what others
    write meanwhile does not change what it has read. That costs a moment.
    """

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        job: str | Step,
        *,
        die_at: str | None = None,
        pause_at: str | None = None,
        apart: bool = False,
        metastore: str | None = None,
    ) -> None:
        apart = apart or metastore is not None
        self._spark = spark if apart else None
        gateway = spark.sparkContext._gateway
        assert gateway is not None
        parameters = gateway.gateway_parameters
        self._words, told = _FORKS.Pipe(duplex=False)
        self.orders = _Orders(die_at, pause_at, _FORKS.Event(), _FORKS.Event(), told)
        door = _Door(parameters.port, parameters.auth_token, apart, metastore)
        self._process = _FORKS.Process(target=_drive, args=(door, settings, job, self.orders))
        self._process.start()
        told.close()

    def wait_for_pause(self) -> bool:
        """Until it waits at its point, or has ended without; whether it waits."""
        while self._process.is_alive() and not self.orders.paused.wait(0.02):
            pass
        return self.orders.paused.is_set()

    def wait(self, seconds: float) -> None:
        """Until it has ended, or so long."""
        self._process.join(seconds)

    def end(self) -> Ended:
        """Let it go on, and see how it ends."""
        self.orders.go_on.set()
        self._process.join(PATIENCE)
        assert self._process.exitcode is not None, "a driver hangs"
        if self._spark:
            _read_afresh(self._spark)
        try:
            words = self._words.recv()
        except EOFError:
            words = ""
        return Ended(self._process.exitcode, words)


def _drive(door: _Door, settings: Settings, job: str | Step, orders: _Orders) -> None:
    code, words = 0, ""
    try:
        context = JobContext(settings, _attached(door), "schedule")
        with watched(orders.reached):
            step = ALL[job] if isinstance(job, str) else job
            step(context, datetime.now(UTC))
    except BadInput:
        pass  # files were refused, as they should be
    except WarehouseError as error:
        code, words = error.exit_code, str(error)
    except Exception as error:  # noqa: BLE001 - the edge of the process
        code, words = code_of_foreign(error), traceback.format_exc()
    orders.told.send(words)
    sys.stdout.flush()
    os._exit(code)  # the JVM is not ours to stop


def _read_afresh(spark: SparkSession) -> None:
    """A session keeps a table for half a minute as it last read it; others have written since."""
    for table in BRONZE_TABLES + DW_TABLES:
        if spark.catalog.tableExists(table.full_name):
            spark.catalog.refreshTable(table.full_name)


def _attached(door: _Door) -> SparkSession:
    """The session that the JVM has, or one like it with a catalog of its own."""
    os.environ |= {"PYSPARK_GATEWAY_PORT": str(door.port), "PYSPARK_GATEWAY_SECRET": door.secret}
    gateway = launch_gateway()
    sessions = SparkSession._get_j_spark_session_class(gateway.jvm)
    session = default = sessions.getDefaultSession().get()
    if door.apart:
        session = default.cloneSession()
    if door.metastore:
        session.conf().set(f"spark.sql.catalog.{CATALOG}.uri", door.metastore)
    java_context = gateway.jvm.JavaSparkContext(session.sparkContext())
    conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
    ours = SparkSession(SparkContext(gateway=gateway, jsc=java_context, conf=conf), session)
    sessions.setDefaultSession(default)  # the next driver's too
    return ours
