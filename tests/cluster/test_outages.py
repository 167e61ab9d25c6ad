"""Services that are killed in mid-run: the run recovers or says to try later; the next is right.

Where a moment matters, a lock in a database holds the run at it, so that it is hit each time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest

from cluster.processes import start, stop
from embedded.postgres import Postgres
from jobs.common.errors import TransientError
from tests.cluster.conftest import Shop
from tests.support.cluster import TestCluster

SECONDS = 240
RECOVERED, LATER = 0, TransientError.exit_code


def wait_for(what: Callable[[], object], run: subprocess.Popen[str]) -> None:
    """Until it is so; the run has to be under way meanwhile."""
    deadline = time.monotonic() + SECONDS
    while not what():
        assert run.poll() is None, f"the run ended too early: {run.stdout and run.stdout.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end_of(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output of a run."""
    out, _ = run.communicate(timeout=SECONDS)
    return run.returncode, out


@contextmanager
def held(known: dict[str, str], database: str, statement: str) -> Iterator[None]:
    """A transaction of ours that holds what the statement locks."""
    connection = psycopg2.connect(
        host=known["GOLD_HOST"],
        port=known["GOLD_PORT"],
        user="postgres",
        password=known["GOLD_ADMIN_PASSWORD"],
        dbname=database,
    )
    with closing(connection), connection.cursor() as cur:
        cur.execute(statement)
        yield


WAITS_FOR_A_LOCK = (
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
)


@pytest.fixture
def one_more(cluster: TestCluster, shop: Shop) -> Iterator[TestCluster]:
    """A cluster that is up, with a file to load; afterwards, gold is to be right."""
    cluster.must("status")
    shop.deliver()
    yield cluster
    cluster.must("up")
    if not shop.is_whole_in_gold():
        cluster.run("run_pipeline.sh")
    assert shop.is_whole_in_gold()
    died = cluster.gold("SELECT run_id FROM ops.v_runs WHERE status = 'running'")
    assert died == []
    assert cluster.gold("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []


@pytest.mark.long
def test_a_worker_dies_and_the_other_does_its_work(one_more: TestCluster, shop: Shop) -> None:
    run = one_more.begin("run_pipeline.sh")
    loading = "SELECT 1 FROM ops.runs WHERE job = 'fact_postgres' AND status = 'running'"
    wait_for(lambda: one_more.gold(loading), run)

    stop(one_more.layout, one_more.layout.service("spark-worker-1"), signal.SIGKILL)
    code, told = end_of(run)

    assert code == RECOVERED, told
    assert shop.is_whole_in_gold()


@pytest.mark.long
def test_without_a_master_a_run_says_so_and_to_try_later(one_more: TestCluster) -> None:
    stop(one_more.layout, one_more.layout.service("spark-master"), signal.SIGKILL)

    run = one_more.begin("run_pipeline.sh")
    code, told = end_of(run)

    assert code == LATER, told
    assert "Spark's master did not take the application" in told
    assert "Traceback" not in told


@pytest.mark.long
def test_the_datanode_dies(one_more: TestCluster) -> None:
    run = one_more.begin("run_pipeline.sh")
    taking = "SELECT 1 FROM ops.runs WHERE job = 'ingest_transactions' AND status = 'running'"
    wait_for(lambda: one_more.gold(taking), run)

    stop(one_more.layout, one_more.layout.service("datanode"), signal.SIGKILL)
    code, told = end_of(run)

    assert code == LATER, told
    assert "Traceback" not in told


def test_the_metastore_dies_in_the_middle_of_a_commit_and_is_started_again(
    one_more: TestCluster, shop: Shop
) -> None:
    cluster = one_more.layout
    row = (
        'SELECT 1 FROM "TABLE_PARAMS" JOIN "TBLS" USING ("TBL_ID")'
        " WHERE \"TBL_NAME\" = 'transactions_raw' AND \"PARAM_KEY\" = 'metadata_location'"
        ' FOR UPDATE OF "TABLE_PARAMS"'
    )
    known = cluster.metastore_database.read()
    with held(known, "hive_metastore", row):
        run = one_more.begin("run_pipeline.sh")
        wait_for(lambda: one_more.metastore(WAITS_FOR_A_LOCK, "hive_metastore"), run)
        stop(cluster, cluster.service("metastore"), signal.SIGKILL)
    start(cluster, cluster.service("metastore"))
    code, told = end_of(run)

    assert code == RECOVERED, told
    assert shop.is_whole_in_gold()


@pytest.mark.long
def test_the_metastore_dies_and_stays_away(one_more: TestCluster) -> None:
    cluster = one_more.layout
    run = one_more.begin("run_pipeline.sh")
    taking = "SELECT 1 FROM ops.runs WHERE job = 'ingest_transactions' AND status = 'running'"
    wait_for(lambda: one_more.gold(taking), run)

    stop(cluster, cluster.service("metastore"), signal.SIGKILL)
    code, told = end_of(run)

    assert code == LATER, told
    assert "Traceback" not in told


def test_gold_dies_in_the_middle_of_the_load(one_more: TestCluster) -> None:
    cluster = one_more.layout
    gold = cluster.gold.read()
    before = one_more.gold("SELECT count(*) FROM fact_transactions")
    with held(gold, "ecommerce_gold", "LOCK TABLE ops.watermarks IN SHARE MODE"):
        run = one_more.begin("run_pipeline.sh")
        wait_for(lambda: one_more.gold(WAITS_FOR_A_LOCK, "ecommerce_gold"), run)
        pid = Postgres(cluster.gold).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    code, told = end_of(run)

    assert code == LATER, told
    assert "Traceback" not in told
    Postgres(cluster.gold).start()
    assert one_more.gold("SELECT count(*) FROM fact_transactions") == before
