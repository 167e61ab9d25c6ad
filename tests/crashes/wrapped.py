"""Runs that are called by their wrappers, as a scheduler does, and wait at a point."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil

from jobs.common.settings import PROJECT_ROOT
from jobs.pipeline import CHAIN
from tests.crashes.drivers import PATIENCE, Ended
from tests.crashes.steps import HELD
from tests.support.warehouse import Warehouse

HOOK = Path(__file__).with_name("hook")
# Those that are called without arguments; the others start alike.
WRAPPERS = {step.name: f"run_{step.name}.sh" for step in CHAIN} | {
    "replay_errors": "run_replay_errors.sh",
    HELD: "run_fact_postgres.sh",
}


class Wrapped:
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
        if not self._word.exists():
            return Ended(code, self._log.read_text())
        driver = int(self._word.read_text())
        self._go_on.touch()
        deadline = time.monotonic() + PATIENCE
        while _lives(driver):
            assert time.monotonic() < deadline, "a driver without its JVM hangs"
            time.sleep(0.02)
        return Ended(code, self._log.read_text())


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
