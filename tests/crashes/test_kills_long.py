"""Every job killed at every point that it reaches, and what it talks to killed under it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing

import psutil
import psycopg2
import pytest

from embedded import services
from embedded.home import Home
from jobs.common.db import connect
from jobs.common.errors import TransientError
from tests.crashes.drivers import KILLED
from tests.crashes.matrix import (
    Matrix,
    Victim,
    assert_equal,
    lake_state,
    mail_ids,
    never_killed,
    strays,
)
from tests.crashes.steps import STEPS
from tests.notify.smtp_server import smtp_server
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.long]

Warehouses = Callable[..., Warehouse]


def backend(warehouse: Warehouse) -> None:
    """The Postgres process that serves the run: all others end with it, and the server recovers."""
    running = "SELECT backend_pid FROM ops.v_runs WHERE status = 'running'"
    for (pid,) in warehouse.gold_rows(running):
        os.kill(pid, signal.SIGKILL)
    wait_for_postgres(warehouse)


def server(warehouse: Warehouse) -> None:
    """Postgres itself, which is then started again, as the next script would."""
    home = Home(warehouse.settings.home)
    pid = int((home.pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
    process = psutil.Process(pid)
    children = process.children()
    process.kill()
    psutil.wait_procs([process, *children], timeout=30)
    services.up(home)
    wait_for_postgres(warehouse)


def wait_for_postgres(warehouse: Warehouse) -> None:
    """Until it serves again."""
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


VICTIMS: dict[str, Victim | None] = {"driver": None, "backend": backend, "server": server}


@pytest.mark.parametrize("job", STEPS)
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_at_any_point_of_a_job_changes_nothing_in_the_end(
    new_warehouse: Warehouses, victim: str, job: str
) -> None:
    with smtp_server() as inbox:
        warehouse = new_warehouse(**inbox.settings)
        matrix = Matrix(warehouse, VICTIMS[victim]).run_one(job)
        matrix.end()
        sent = set(mail_ids(inbox.messages))
    gold, lake = warehouse.gold_state(), lake_state(warehouse)

    assert matrix.seen
    for _, seen in matrix.seen:
        allowed = {KILLED} if victim == "driver" else {0, TransientError.exit_code}
        assert set(seen.exit_codes) <= allowed
        assert (seen.staging, seen.waiting, seen.without_reason) == ([], [], [])
    assert strays(warehouse) == []
    assert {row[0] for row in warehouse.gold_rows("SELECT message_id FROM ops.mail_outbox")} == sent
    assert_equal(gold, lake, never_killed(new_warehouse(), matrix))
