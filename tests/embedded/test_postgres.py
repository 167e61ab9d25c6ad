"""The embedded server: how it is set up, who may log in, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

import psutil
import psycopg2
import pytest

from embedded import services
from embedded.home import Home
from embedded.postgres import Postgres
from tests.embedded.logins import connect


def ask(home: Home, statement: str) -> list[tuple[object, ...]]:
    with closing(connect(home)) as conn, conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchall() if cur.description else []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("jit", "off"),
        ("wal_level", "minimal"),
        ("max_locks_per_transaction", "256"),
    ],
)
def test_the_server_is_set_up_for_a_warehouse(home: Home, setting: str, value: str) -> None:
    assert ask(home, f"SHOW {setting}") == [(value,)]


def test_text_sorts_by_code_point_whatever_the_machine(home: Home) -> None:
    letters = "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,B,a,é,z}'::text[]) AS x"

    assert ask(home, letters) == [("Babzé",)]


def test_passwords_are_kept_as_scram_verifiers(home: Home) -> None:
    stored = ask(home, "SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")

    assert stored
    assert all(str(password).startswith("SCRAM-SHA-256$") for (password,) in stored)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_gets_in_without_the_password(home: Home, password: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"):
        connect(home, password=password)


def test_the_server_never_runs_as_root(home: Home) -> None:
    pid = Postgres(home).pid()
    assert pid is not None

    assert psutil.Process(pid).uids().effective != 0


def test_starting_what_is_up_is_harmless(home: Home) -> None:
    before = Postgres(home).pid()

    services.up(home)

    assert Postgres(home).pid() == before


def test_two_homes_run_side_by_side(home: Home, new_home: Callable[[str], Home]) -> None:
    other = new_home("other")

    assert home.read()["GOLD_PORT"] != other.read()["GOLD_PORT"]
    assert ask(home, "SHOW data_directory") == [(str(home.pgdata),)]
    assert ask(other, "SHOW data_directory") == [(str(other.pgdata),)]

    services.down(other)
    assert services.status(other) == {"Postgres": "down", "mail catcher": "down"}
    assert ask(home, "SELECT 1") == [(1,)]


def test_after_a_kill_it_starts_again_with_all_that_was_committed(home: Home) -> None:
    ask(home, "CREATE TABLE kept AS SELECT 1 AS x")
    pid = Postgres(home).pid()
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    while Postgres(home).pid() is not None:
        time.sleep(0.01)
    services.up(home)

    assert Postgres(home).pid() != pid
    assert ask(home, "TABLE kept") == [(1,)]


def test_a_left_pid_file_whose_pid_another_program_has_is_no_obstacle(home: Home) -> None:
    postgres = Postgres(home)
    postgres.stop()
    with subprocess.Popen([*postgres.account.prefix, "sleep", "60"]) as other:
        lock = home.pgdata / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{home.pgdata}\n1\n1\n\n127.0.0.1\n  1 1\nready\n")
        postgres.account.own(lock)
        try:
            services.up(home)
            assert other.poll() is None
        finally:
            other.terminate()

    assert ask(home, "SELECT 1") == [(1,)]


def test_when_the_recorded_port_is_taken_another_is_picked_and_recorded(home: Home) -> None:
    taken = int(home.read()["GOLD_PORT"])
    Postgres(home).stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()

        services.up(home)

    recorded = home.read()
    assert int(recorded["GOLD_PORT"]) != taken
    assert recorded["METASTORE_DB_PORT"] == recorded["GOLD_PORT"]
    assert ask(home, "SELECT 1") == [(1,)]


def test_its_port_stays_over_a_restart(home: Home) -> None:
    before = home.read()["GOLD_PORT"]

    services.down(home)
    services.up(home)

    assert home.read()["GOLD_PORT"] == before
