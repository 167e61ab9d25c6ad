"""A driver that ends itself by SIGKILL at a point, on the JVM of the tests' Spark session."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from datetime import UTC, datetime

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from jobs.common.errors import BadInput
from jobs.common.job import JobContext
from jobs.common.points import watched
from jobs.common.settings import Settings
from tests.crashes.steps import STEPS

NOT_REACHED = 17
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def killed(spark: SparkSession, settings: Settings, job: str, point: str) -> int:
    """How a process ended that was to be killed at a point of a job: its exit code."""
    gateway = spark.sparkContext._gateway
    assert gateway is not None
    parameters = gateway.gateway_parameters
    door = (parameters.port, parameters.auth_token)
    process = _FORKS.Process(target=_live_until, args=(door, settings, job, point))
    process.start()
    process.join(120)
    assert process.exitcode is not None, f"{job} hangs at {point}"
    return process.exitcode


def _live_until(door: tuple[int, str], settings: Settings, job: str, point: str) -> None:
    def watch(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    code = NOT_REACHED
    try:
        context = JobContext(settings, _attached(*door), "schedule")
        with watched(watch):
            STEPS[job](context, datetime.now(UTC))
    except BadInput:
        pass
    except BaseException:  # noqa: BLE001 - the edge of the process
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # the JVM is not ours to stop


def _attached(port: int, secret: str) -> SparkSession:
    """The session that the JVM has."""
    os.environ |= {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
    gateway = launch_gateway()
    session = SparkSession._get_j_spark_session_class(gateway.jvm).getDefaultSession().get()
    java_context = gateway.jvm.JavaSparkContext(session.sparkContext())
    conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
    return SparkSession(SparkContext(gateway=gateway, jsc=java_context, conf=conf), session)
