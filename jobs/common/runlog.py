"""Runs: a row in `ops.runs`, the locks that keep two of a kind apart, and their end.

A run holds its locks as Postgres session locks on a connection of its own: they are gone
the moment the process is, however it went.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from jobs.common.db import connect, transaction
from jobs.common.errors import AlreadyRunning
from jobs.common.foreign import in_words
from jobs.common.printable import printable, printable_lines
from jobs.common.settings import Settings

RESOURCE_LOCK = 8271
ALIVE_LOCK = 8272
POLL_SECONDS = 0.5
# Every lock of every job: who holds them all is alone.
RESOURCES = (
    *("bronze.products", "bronze.countries", "bronze.transactions"),
    *("gold", "anomalies", "mail", "dw", "readiness", "checks", "maintain"),
)
# Whose holder takes others as it goes along: whoever wants it and others takes it first, so that
# the two never wait for each other.
HELD_ALONG = "maintain"

Trigger = Literal["manual", "schedule"]


@dataclass
class Run:
    """A run under way. `run_id` is the batch_id of all that it writes."""

    run_id: int
    job: str
    settings: Settings
    conn: Connection
    counts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    finished: bool = False

    def warn(self, text: str) -> None:
        """Keep a remark, a line of the run row's message, for the report."""
        self.warnings.append(printable(text))

    def finish(self, cur: Cursor) -> None:
        """Turn the row to `done` in the caller's transaction."""
        cur.execute(
            "UPDATE ops.runs SET status = 'done', ended_at = clock_timestamp(),"
            " counts = %s, message = %s WHERE run_id = %s",
            (json.dumps(self.counts), "\n".join(self.warnings) or None, self.run_id),
        )
        self.finished = True


def lock_key(name: str) -> int:
    """The advisory lock's number for a resource, a signed 32-bit integer."""
    return zlib.crc32(name.encode()) - 2**31


def holder_of(cur: Cursor, name: str) -> str:
    """Who holds a resource: run, job, user and start, for a person to read."""
    cur.execute(
        "SELECT r.run_id, r.job, r.who, r.started_at FROM pg_locks AS l"
        " JOIN ops.runs AS r ON r.backend_pid = l.pid AND r.status = 'running'"
        " WHERE l.locktype = 'advisory' AND l.granted"
        " AND l.classid = %s AND l.objid = (%s::bigint & 4294967295)::oid",
        (RESOURCE_LOCK, lock_key(name)),
    )
    row = cur.fetchone()
    if row is None:
        return "a session that is no run of ours"
    return f"run {row[0]} ({row[1]}) of {row[2]}, started {row[3]:%Y-%m-%d %H:%M:%S} UTC"


def take_locks(conn: Connection, names: Sequence[str], wait_seconds: float) -> None:
    """Take the locks of resources, until the connection closes.

    Raises:
        AlreadyRunning: one is held, and still is after so many seconds.
    """
    deadline = time.monotonic() + wait_seconds
    with conn.cursor() as cur:
        # one order for all, so that no two wait for each other
        for name in sorted(names, key=lambda name: (name != HELD_ALONG, name)):
            while not _try_lock(cur, name):
                if time.monotonic() >= deadline:
                    raise AlreadyRunning(
                        f"'{name}' is in use by {holder_of(cur, name)}",
                        do="wait for it to end and start again, or see ops.v_runs",
                    )
                time.sleep(POLL_SECONDS)


@contextmanager
def borrowed(run: Run, names: Sequence[str], trigger: Trigger) -> Iterator[None]:
    """Hold further locks for a part of a run, then give them back.

    Raises:
        AlreadyRunning: one is held; scheduled runs wait `lock_wait_seconds` first.
    """
    try:
        take_locks(run.conn, names, wait_seconds(run.settings, trigger))
        run.conn.commit()
        yield
    finally:
        with transaction(run.conn) as cur:
            cur.execute(
                "SELECT pg_advisory_unlock(%s, key) FROM unnest(%s::int[]) AS key",
                (RESOURCE_LOCK, [lock_key(name) for name in names]),
            )


def wait_seconds(settings: Settings, trigger: Trigger) -> float:
    """How long a run waits for a lock."""
    return settings.lock_wait_seconds if trigger == "schedule" else 0


def _try_lock(cur: Cursor, name: str) -> bool:
    cur.execute("SELECT pg_try_advisory_lock(%s, %s)", (RESOURCE_LOCK, lock_key(name)))
    row = cur.fetchone()
    return bool(row and row[0])


def _bury_the_dead(cur: Cursor) -> None:
    cur.execute(
        "UPDATE ops.runs AS r SET status = 'died', ended_at = now(),"
        " message = 'the process ended without a word'"
        " FROM (SELECT run_id FROM ops.runs WHERE status = 'running') AS u"
        " JOIN ops.v_runs AS v USING (run_id)"
        " WHERE u.run_id = r.run_id AND v.status = 'died' AND r.status = 'running'"
    )
    cur.execute(
        "SELECT c.relname, r.run_id FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'staging'"
        " JOIN ops.runs AS r ON r.run_id = substring(c.relname FROM '_([0-9]+)$')::bigint"
        " WHERE c.relkind = 'r' AND r.status <> 'running'"
    )
    for table, _ in cur.fetchall():
        cur.execute("SELECT ops.drop_run_staging(%s)", (table,))


def _open_row(
    conn: Connection, job: str, trigger: Trigger, parameters: Mapping[str, Any], build: str
) -> int:
    who = f"{getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}"
    with transaction(conn, "the opening of a run") as cur:
        # One statement makes the row and its sign of life: no one sees the one without the other.
        cur.execute(
            "WITH made AS (INSERT INTO ops.runs"
            " (job, triggered_by, who, backend_pid, parameters, build)"
            " VALUES (%s, %s, %s, pg_backend_pid(), %s, %s) RETURNING run_id)"
            " SELECT run_id, pg_advisory_lock(%s, run_id::int) FROM made",
            (job, trigger, who, json.dumps(parameters, default=str), build or None, ALIVE_LOCK),
        )
        row = cur.fetchone()
        assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
        _bury_the_dead(cur)
    return int(row[0])


def rule_settings(settings: Settings) -> dict[str, Any]:
    """The settings that decide results, kept with each run so that it can be repeated."""
    names = (
        "products_missing", "products_max_shrink", "countries_max_shrink",
        "breaker_max_malformed", "breaker_min_rows", "breaker_max_jump",
        "anomaly_k", "anomaly_baseline", "anomaly_min_lines",
    )  # fmt: skip
    return {name: getattr(settings, name) for name in names}


@contextmanager
def run_context(
    settings: Settings,
    job: str,
    locks: Sequence[str],
    *,
    trigger: Trigger = "manual",
    parameters: Mapping[str, Any] | None = None,
) -> Iterator[Run]:
    """Take the locks, open the run row, and close it as done or failed.

    Raises:
        AlreadyRunning: a lock is held; scheduled runs wait `lock_wait_seconds` first.
        TransientError: Postgres does not answer.
    """
    conn = connect(settings)
    conn.autocommit = True
    try:
        take_locks(conn, locks, wait_seconds(settings, trigger))
        conn.autocommit = False
        kept = {**rule_settings(settings), **(parameters or {})}
        run_id = _open_row(conn, job, trigger, kept, settings.warehouse_build)
        run = Run(run_id, job, settings, conn)
        try:
            yield run
        except BaseException as error:
            _close_failed(conn, run, error)
            raise
        if not run.finished:
            with transaction(conn, "the end of a run") as cur:
                run.finish(cur)
    finally:
        _let_go(conn)


def _let_go(conn: Connection) -> None:
    """Give the locks back now: a closed connection's backend holds them until it has gone."""
    with suppress(psycopg2.Error), closing(conn):
        conn.rollback()
        with transaction(conn) as cur:
            cur.execute("SELECT pg_advisory_unlock_all()")


def _close_failed(conn: Connection, run: Run, error: BaseException) -> None:
    if run.finished or conn.closed:
        return
    with suppress(psycopg2.Error):  # the error that brought us here is the one to tell
        _write_failed(conn, run, error)


def _write_failed(conn: Connection, run: Run, error: BaseException) -> None:
    conn.rollback()
    message = printable_lines(str(in_words(error) or error)) or type(error).__name__
    with transaction(conn, "the end of a run") as cur:
        cur.execute(
            "UPDATE ops.runs SET status = 'failed', ended_at = clock_timestamp(),"
            " counts = %s, message = %s WHERE run_id = %s",
            (json.dumps(run.counts), message[:4000], run.run_id),
        )
