"""Tasks that are tried again, or twice at once: their rows are in gold once all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.processes import running
from jobs.gold.staging import FEW
from tests.cluster.conftest import Shop
from tests.support.cluster import FEW_ROWS, TestCluster
from tests.support.processes import python_workers

pytestmark = pytest.mark.long

MANY = FEW + 40_000  # lines, which tasks copy
PATIENT = """
spark.task.maxFailures 20
"""
SPECULATIVE = """
spark.speculation true
spark.speculation.interval 50ms
spark.speculation.minTaskRuntime 50ms
spark.speculation.task.duration.threshold 500ms
spark.speculation.efficiency.enabled false
"""


def workers(cluster: TestCluster, number: int) -> list[psutil.Process]:
    """The processes that run our Python on a worker of the cluster."""
    service = running(cluster.layout, cluster.layout.service(f"spark-worker-{number}"))
    assert service is not None
    return python_workers(service)


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def loading(cluster: TestCluster) -> bool:
    """Whether a load is copying into staging."""
    copying = "SELECT 1 FROM pg_tables WHERE schemaname = 'staging' AND tablename ~ '^linesopen'"
    return bool(cluster.gold(copying))


def run(cluster: TestCluster, conf: Path, step: Callable[[], None]) -> None:
    """The chain; the step is done again and again while lines are copied."""
    chain = cluster.begin("run_pipeline.sh", SPARK_CONF_FILE=str(conf))
    while chain.poll() is None:
        if loading(cluster):
            step()
        time.sleep(0.05)
    told, _ = chain.communicate()
    assert chain.returncode == 0, told


def stages(cluster: TestCluster, known: set[str]) -> Iterator[dict[str, Any]]:
    """Those of the application that the history server did not know."""
    deadline = time.monotonic() + 60
    while True:
        ended = {a["id"] for a in cluster.history("applications") if a["attempts"][-1]["completed"]}
        if ended - known:
            break
        assert time.monotonic() < deadline
        time.sleep(1)
    (application,) = ended - known
    yield from cluster.history(f"applications/{application}/stages?withSummaries=false")


def applications(cluster: TestCluster) -> set[str]:
    return {each["id"] for each in cluster.history("applications")}


@pytest.fixture
def conf(tmp_path: Path) -> Callable[[str], Path]:
    """Spark's properties of the tests, and more."""

    def write(more: str) -> Path:
        path = tmp_path / "spark.conf"
        path.write_text(FEW_ROWS.read_text() + more)
        return path

    return write


def test_tasks_whose_python_dies_are_tried_again(
    cluster: TestCluster, shop: Shop, conf: Callable[[str], Path]
) -> None:
    known = applications(cluster)
    shop.deliver(lines=MANY)
    killed = 0

    def kill() -> None:
        nonlocal killed
        found = [process for number in (1, 2) for process in workers(cluster, number)]
        if killed < 5 and found:
            signal_all(found, signal.SIGKILL)
            killed += 1
            time.sleep(0.3)

    run(cluster, conf(PATIENT), kill)

    assert shop.is_whole_in_gold()
    assert sum(stage["numFailedTasks"] for stage in stages(cluster, known)) > 0


def test_of_two_attempts_at_once_one_counts(
    cluster: TestCluster, shop: Shop, conf: Callable[[str], Path]
) -> None:
    known = applications(cluster)
    shop.deliver(lines=MANY)

    number = cycle((1, 2))

    def hold() -> None:
        found = workers(cluster, next(number))
        signal_all(found, signal.SIGSTOP)
        time.sleep(2)
        signal_all(found, signal.SIGCONT)

    run(cluster, conf(SPECULATIVE), hold)

    assert shop.is_whole_in_gold()
    assert sum(stage["numKilledTasks"] for stage in stages(cluster, known)) > 0
