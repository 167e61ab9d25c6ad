"""Peaks of memory while something runs: the driver's JVM, Python processes, Postgres.

JVMs count by resident size; of Python and Postgres, whose processes share pages, each page
counts once (proportional size).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psutil

INTERVAL = 0.5
MIB = 2**20


class Watch:
    """Looks twice a second at what this process started, and at the Postgres of a home."""

    def __init__(self, home: Path) -> None:
        self.peaks = {"java_mib": 0.0, "python_mib": 0.0, "postgres_mib": 0.0}
        self._pid_file = home / "pgdata" / "postmaster.pid"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(INTERVAL):
            now = dict.fromkeys(self.peaks, 0.0)
            for figure, process in self._processes():
                now[figure] += _mib(process, shared=figure != "java_mib")
            self.peaks = {name: max(peak, now[name]) for name, peak in self.peaks.items()}

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        server = self._server()
        known = {process.pid for process in server}
        yield from (("postgres_mib", process) for process in server)
        for process in psutil.Process(os.getpid()).children(recursive=True):
            name = _name(process)
            if process.pid not in known and name.startswith(("java", "python")):
                yield ("java_mib" if name == "java" else "python_mib"), process

    def _server(self) -> list[psutil.Process]:
        try:
            server = psutil.Process(int(self._pid_file.read_text().split("\n", 1)[0]))
            return [server, *server.children(recursive=True)]
        except (OSError, ValueError, psutil.Error):
            return []


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _mib(process: psutil.Process, *, shared: bool) -> float:
    try:
        size = process.memory_full_info().pss if shared else process.memory_info().rss
    except psutil.Error:
        return 0.0
    return float(size / MIB)
