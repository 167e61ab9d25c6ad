"""Runs: two never share a resource, and one that dies leaves nothing in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

import psycopg2
import pytest
from pydantic import SecretStr

from jobs.common.db import connect, transaction
from jobs.common.errors import AlreadyRunning
from jobs.common.runlog import Run, Trigger, run_context
from jobs.common.settings import PROJECT_ROOT, Settings
from jobs.gold import staging
from tests.support.databases import Rows, query

# A job that stages, says its number, and then goes on for ever.
JOB = """
import time
from jobs.common.runlog import run_context
from jobs.common.settings import load_settings
from jobs.gold import staging

with run_context(load_settings(), "fact_postgres", ("gold", "lake")) as run:
    staging.create(run.conn, staging.LINES, run)
    print(run.run_id, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    return gold_settings


@pytest.fixture
def job(gold: Settings) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A job that runs in a process of its own, and its number."""
    environment = os.environ | {
        "WAREHOUSE_HOME": str(gold.warehouse_home),
        "GOLD_DB": gold.gold_db,
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    with subprocess.Popen(
        [sys.executable, "-c", JOB], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def row(gold: Settings, run_id: int, columns: str = "status, message") -> tuple[object, ...]:
    return query(gold, f"SELECT {columns} FROM ops.v_runs WHERE run_id = %s", run_id)[0]


def staged(gold: Settings) -> Rows:
    return query(
        gold,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'staging'::regnamespace"
        " AND relkind = 'r' ORDER BY 1",
    )


def locks(gold: Settings) -> int:
    """How many advisory locks are held in the database."""
    held = (
        "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    return int(query(gold, held)[0][0])


def until_free(gold: Settings) -> None:
    """Postgres notices a lost client at once, but not in no time."""
    deadline = time.monotonic() + 10
    while locks(gold):
        assert time.monotonic() < deadline, "locks of a dead run are held"
        time.sleep(0.02)


def test_a_run_is_done_with_its_counts_and_remarks(gold: Settings) -> None:
    with run_context(gold, "ingest_products", ("products",), parameters={"replace": True}) as run:
        assert row(gold, run.run_id) == ("running", None)
        run.counts["rows_in"] = 5
        run.warn("twice: A1")
        run.warn("twice: B2")

    columns = "job, status, triggered_by, counts, message, parameters ->> 'replace'"
    assert row(gold, run.run_id, columns) == (
        "ingest_products", "done", "manual", {"rows_in": 5}, "twice: A1\ntwice: B2", "true",
    )  # fmt: skip
    assert row(gold, run.run_id, "ended_at > started_at") == (True,)
    assert locks(gold) == 0


def test_a_run_belongs_to_the_schedulers_build_if_there_is_one(gold: Settings) -> None:
    scheduled = gold.model_copy(update={"warehouse_build": "jenkins-daily-17"})
    for settings in (scheduled, gold):
        with run_context(settings, "ingest_products", ()) as run:
            pass
        built = settings.warehouse_build or None
        assert row(gold, run.run_id, "build") == (built,)
        assert query(gold, "SELECT build FROM ops.runs WHERE run_id = %s", run.run_id) == [(built,)]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("the list is empty"), "the list is empty"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "3"),
        (ValueError("x" * 9000), "x" * 4000),
    ],
)
def test_a_run_that_fails_says_why(gold: Settings, error: BaseException, message: str) -> None:
    with pytest.raises(type(error)):
        with run_context(gold, "fact_postgres", ("gold",)) as run:
            run.counts["rows_in"] = 5
            raise error

    assert row(gold, run.run_id, "status, message, counts") == ("failed", message, {"rows_in": 5})
    assert row(gold, run.run_id, "ended_at IS NOT NULL") == (True,)
    assert locks(gold) == 0


def test_what_a_failed_run_had_not_committed_is_undone(gold: Settings) -> None:
    with pytest.raises(psycopg2.errors.DivisionByZero):
        with run_context(gold, "fact_postgres", ("gold",)) as run:
            with run.conn.cursor() as cur:
                cur.execute("INSERT INTO dim_countries VALUES (9, 9, 'Nowhere')")
                cur.execute("SELECT 1 / 0")

    assert row(gold, run.run_id) == ("failed", "division by zero\n")
    assert query(gold, "SELECT * FROM dim_countries") == []


def test_what_has_no_name_cannot_be_written(gold: Settings) -> None:
    with run_context(gold, "test_job", ()) as run:
        with (
            pytest.raises(psycopg2.errors.ReadOnlySqlTransaction),
            transaction(run.conn) as cur,
        ):
            cur.execute("UPDATE ops.runs SET message = 'unnamed'")
        with transaction(run.conn, "a name") as cur:
            cur.execute("UPDATE ops.runs SET message = 'named' WHERE run_id = %s", (run.run_id,))
        kept = query(gold, "SELECT message FROM ops.runs WHERE run_id = %s", run.run_id)

    assert kept == [("named",)]


def test_a_run_that_has_published_stays_done_whatever_comes_after(gold: Settings) -> None:
    with pytest.raises(ValueError, match="afterwards"):
        with run_context(gold, "fact_postgres", ("gold",)) as run:
            with run.conn.cursor() as cur:
                run.finish(cur)
            run.conn.commit()
            raise ValueError("afterwards")

    assert row(gold, run.run_id) == ("done", None)


def test_a_second_run_is_told_who_holds_the_resource(gold: Settings) -> None:
    patient = gold.model_copy(update={"lock_wait_seconds": 600})
    with run_context(gold, "fact_postgres", ("gold",)) as first:
        started = time.monotonic()
        with pytest.raises(AlreadyRunning) as refused:
            with run_context(patient, "replay_errors", ("gold",)):
                pass
        assert time.monotonic() - started < 30  # for that setting is of scheduled runs

    told = str(refused.value)
    assert f"'gold' is in use by run {first.run_id} (fact_postgres) of " in told
    assert f"pid {os.getpid()}, started 20" in told
    assert refused.value.exit_code == 4
    assert query(gold, "SELECT 1 FROM ops.runs WHERE job = 'replay_errors'") == []


def test_a_holder_that_is_no_run_is_told_as_such(gold: Settings) -> None:
    with run_context(gold, "fact_postgres", ("gold",)) as run:
        query(gold, "UPDATE ops.runs SET backend_pid = 0 WHERE run_id = %s", run.run_id)
        with pytest.raises(AlreadyRunning, match="a session that is no run of ours"):
            with run_context(gold, "fact_postgres", ("gold",)):
                pass


def test_runs_on_different_resources_go_side_by_side(gold: Settings) -> None:
    with run_context(gold, "fact_postgres", ("gold",)) as one:
        with run_context(gold, "ingest_products", ("products",)) as other:
            states = {row(gold, run.run_id)[0] for run in (one, other)}

    assert states == {"running"}


def test_a_refused_run_gives_back_what_it_had_taken(gold: Settings) -> None:
    with run_context(gold, "one", ("b",)):
        before = locks(gold)
        with pytest.raises(AlreadyRunning, match="'b' is in use"):
            with run_context(gold, "two", ("b", "a")):
                pass
        deadline = time.monotonic() + 5
        while locks(gold) > before and time.monotonic() < deadline:
            time.sleep(0.02)
        with run_context(gold, "three", ("a",)) as third:
            pass

    assert row(gold, third.run_id) == ("done", None)


def test_runs_of_two_databases_do_not_meet(
    gold: Settings, new_gold: Callable[[], Settings]
) -> None:
    with run_context(gold, "fact_postgres", ("gold",)):
        with run_context(new_gold(), "fact_postgres", ("gold",)) as other:
            pass

    assert other.counts == {}


def go_in(gold: Settings, entered: Event, trigger: Trigger) -> int:
    with run_context(gold, "detect_anomalies", ("gold",), trigger=trigger) as run:
        entered.set()
        return run.run_id


def test_a_scheduled_run_waits_for_the_other_to_end(gold: Settings) -> None:
    patient = gold.model_copy(update={"lock_wait_seconds": 60})
    entered = Event()
    with ThreadPoolExecutor(1) as pool:
        with run_context(gold, "fact_postgres", ("gold",)) as first:
            second = pool.submit(go_in, patient, entered, "schedule")
            assert not entered.wait(1)
        run_id = second.result(timeout=30)

    assert row(gold, run_id, "status, triggered_by") == ("done", "schedule")
    order = "SELECT a.ended_at <= b.started_at FROM ops.runs AS a, ops.runs AS b"
    assert query(gold, f"{order} WHERE a.run_id = %s AND b.run_id = %s", first.run_id, run_id) == [
        (True,)
    ]


def test_a_scheduled_run_gives_up_after_its_time(gold: Settings) -> None:
    hasty = gold.model_copy(update={"lock_wait_seconds": 1})
    with run_context(gold, "fact_postgres", ("gold",)) as first:
        started = time.monotonic()
        with pytest.raises(AlreadyRunning, match=rf"run {first.run_id} \(fact_postgres\)"):
            go_in(hasty, Event(), "schedule")

    assert 1 <= time.monotonic() - started < 10


def test_a_killed_run_is_seen_as_died_and_its_locks_are_free(
    gold: Settings, job: tuple[subprocess.Popen[str], int]
) -> None:
    process, run_id = job
    assert row(gold, run_id) == ("running", None)
    with pytest.raises(AlreadyRunning, match=rf"run {run_id} \(fact_postgres\) of .* pid"):
        with run_context(gold, "fact_postgres", ("gold",)):
            pass

    process.send_signal(signal.SIGKILL)
    process.wait()
    until_free(gold)

    assert row(gold, run_id) == ("died", None)
    with run_context(gold, "fact_postgres", ("gold", "lake")) as clean:
        assert row(gold, run_id) == ("died", "the process ended without a word")
    assert row(gold, clean.run_id) == ("done", None)


def test_what_a_dead_run_staged_is_dropped_by_the_next_of_any_job(
    gold: Settings, job: tuple[subprocess.Popen[str], int]
) -> None:
    process, run_id = job
    assert staged(gold) == [(f"lines_{run_id}",)]

    process.send_signal(signal.SIGKILL)
    process.wait()
    until_free(gold)
    with run_context(gold, "ingest_countries", ("countries",)):
        assert staged(gold) == []

    stored = "SELECT status, ended_at IS NOT NULL FROM ops.runs WHERE run_id = %s"
    assert query(gold, stored, run_id) == [("died", True)]


def test_what_a_live_run_staged_is_left_alone(gold: Settings) -> None:
    with run_context(gold, "fact_postgres", ("gold",)) as run:
        staging.create(run.conn, staging.PRODUCTS, run)
        with run_context(gold, "ingest_countries", ("countries",)):
            pass
        assert staged(gold) == [(f"products_{run.run_id}",)]
        staging.drop(run.conn, run)

    assert staged(gold) == []


def test_what_a_failed_run_staged_is_dropped_by_the_next(gold: Settings) -> None:
    with pytest.raises(ValueError, match="half-way"):
        with run_context(gold, "fact_postgres", ("gold",)) as run:
            staging.create(run.conn, staging.LINES, run)
            raise ValueError("half-way")
    assert staged(gold) == [(f"lines_{run.run_id}",)]

    with run_context(gold, "ingest_countries", ("countries",)):
        pass

    assert staged(gold) == []


def test_a_run_whose_connection_is_lost_has_died(gold: Settings) -> None:
    with pytest.raises(psycopg2.OperationalError):
        with run_context(gold, "fact_postgres", ("gold",)) as run:
            end_backend(run)
            with run.conn.cursor() as cur:
                cur.execute("SELECT 1")

    until_free(gold)
    assert row(gold, run.run_id) == ("died", None)


def end_backend(run: Run) -> None:
    pid = run.conn.info.backend_pid
    query(run.settings, "SELECT pg_terminate_backend(%s, 5000)", pid, role="loader")


def test_a_run_keeps_the_rules_in_force_and_no_secret(gold: Settings) -> None:
    with run_context(gold, "fact_postgres", ("gold",)) as run:
        pass

    kept = row(gold, run.run_id, "parameters")[0]
    assert kept == {
        "products_missing": "ignore",
        "products_max_shrink": 0.5,
        "countries_max_shrink": 0.5,
        "breaker_max_malformed": 0.05,
        "breaker_min_rows": 1000,
        "breaker_max_jump": 20.0,
        "anomaly_k": 2.0,
        "anomaly_baseline": "monthly",
        "anomaly_min_lines": 10,
    }
    everything = query(gold, "SELECT r::text FROM ops.runs AS r")
    secrets = [
        value.get_secret_value()
        for value in vars(gold).values()
        if isinstance(value, SecretStr) and value.get_secret_value()
    ]
    assert len(secrets) >= 6
    assert [s for s in secrets for (text,) in everything if s in text] == []


def test_sessions_of_jobs_are_in_utc(gold: Settings) -> None:
    with closing(connect(gold)) as conn, conn.cursor() as cur:
        cur.execute("SHOW timezone")
        assert cur.fetchone() == ("UTC",)
