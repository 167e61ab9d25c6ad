"""Peak memory of driver, Python workers and Postgres while something runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import psutil

EVERY_SECONDS = 0.25


class Peaks:
    """Samples in a thread: MiB that each group's processes hold, shared pages in parts (PSS)."""

    def __init__(self, postmaster: int) -> None:
        driver = psutil.Process()
        self._driver, self._jvm = driver, driver.parent() or driver
        self._postmaster = psutil.Process(postmaster)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.mib = {"jvm_mib": 0.0, "python_mib": 0.0, "postgres_mib": 0.0}

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            workers = [p for p in self._jvm.children(recursive=True) if p != self._driver]
            self._keep("jvm_mib", [self._jvm])
            self._keep("python_mib", workers)
            self._keep("postgres_mib", [self._postmaster, *self._postmaster.children()])

    def _keep(self, group: str, processes: Iterable[psutil.Process]) -> None:
        self.mib[group] = max(self.mib[group], sum(map(pss_mib, processes)))


def pss_mib(process: psutil.Process) -> float:
    """A process's proportional share of the memory it maps; nothing once it has gone."""
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:
        return 0.0
