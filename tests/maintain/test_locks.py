"""Locks that a run holds for a while only."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from jobs.common.db import connect
from jobs.common.errors import AlreadyRunning
from jobs.common.runlog import borrowed, run_context, take_locks
from jobs.common.settings import Settings


def take(settings: Settings, *names: str, seconds: float = 0) -> None:
    with closing(connect(settings)) as conn:
        take_locks(conn, names, seconds)


def test_a_borrowed_lock_is_held_and_given_back(gold_settings: Settings) -> None:
    with run_context(gold_settings, "maintain", ("maintain",)) as run:
        with borrowed(run, ("bronze.products", "gold"), "manual"):
            for name in ("bronze.products", "gold"):
                with pytest.raises(AlreadyRunning, match=f"'{name}' is in use by run {run.run_id}"):
                    take(gold_settings, name)
        take(gold_settings, "bronze.products", "gold")
        with pytest.raises(AlreadyRunning, match=r"'maintain' is in use by run \d+ \(maintain\)"):
            take(gold_settings, "maintain")


def test_what_could_be_had_is_given_back_when_the_rest_could_not(gold_settings: Settings) -> None:
    with run_context(gold_settings, "maintain", ("maintain",)) as run:
        with run_context(gold_settings, "fact_postgres", ("gold",)):
            with (
                pytest.raises(AlreadyRunning),
                borrowed(run, ("bronze.products", "gold"), "manual"),
            ):
                pass
            take(gold_settings, "bronze.products")


def test_who_waits_for_maintenance_does_not_hold_it_up(gold_settings: Settings) -> None:
    waiting = threading.Thread(
        target=take, args=(gold_settings, "gold", "maintain"), kwargs={"seconds": 30}
    )
    with run_context(gold_settings, "maintain", ("maintain",)) as run:
        waiting.start()
        for _ in range(3):
            with borrowed(run, ("gold",), "manual"):
                waiting.join(0.3)
            waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(30)
    assert not waiting.is_alive()
