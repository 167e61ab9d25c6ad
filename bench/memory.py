"""What something takes while it runs: CPU seconds, and the most memory of each kind of process.

Of Python and Postgres, whose processes share pages, each page counts once (proportional size);
a JVM counts by resident size.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

from bench.book import Figures
from bench.processes import Measured

KINDS = ("driver", "workers", "postgres")
MIB = 2**20


class Watch:
    """Samples a process tree and a Postgres, from its making to the end of its context.

    The driver is whatever is neither a Python worker of Spark nor Postgres.

    Args:
        root: whose children are watched, and itself unless it is this process.
    """

    def __init__(self, pgdata: Path, root: int | None = None, *, every: float = 0.25) -> None:
        self._root = psutil.Process(root)
        self._postmaster = int((pgdata / "postmaster.pid").read_text().split()[0])
        self._every = every
        self._peak: dict[str, float] = defaultdict(float)
        self._before = {p.pid: _seconds(p) for _, p in self._processes()}
        self._used: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def figures(self) -> Figures:
        """Seconds of `cpu`, and `driver_mib`, `workers_mib`, `postgres_mib`."""
        cpu = sum(used - self._before.get(pid, 0) for pid, used in self._used.items())
        return {"cpu": cpu} | {f"{kind}_mib": self._peak[kind] for kind in KINDS}

    def _follow(self) -> None:
        while True:
            self._sample()
            if self._ended.wait(self._every):
                return

    def _sample(self) -> None:
        now: dict[str, float] = defaultdict(float)
        for kind, process in self._processes():
            with suppress(psutil.Error):
                now[kind] += _mib(kind, process)
                self._used[process.pid] = _seconds(process)
        for kind, value in now.items():
            self._peak[kind] = max(self._peak[kind], value)

    def _processes(self) -> list[tuple[str, psutil.Process]]:
        servers = {process.pid: process for process in _tree(self._postmaster)}
        found = [("postgres", process) for process in servers.values()]
        for process in _tree(self._root.pid):
            if process.pid not in servers and process.pid != psutil.Process().pid:
                with suppress(psutil.Error):
                    is_worker = any(part.startswith("pyspark.") for part in process.cmdline())
                    found.append(("workers" if is_worker else "driver", process))
        return found


def watched(pgdata: Path, command: Callable[[], Measured]) -> Figures:
    """Run a command to its end: seconds of `wall`, and the figures of a watch."""
    with Watch(pgdata) as watch:
        wall = command().wall
    return {"wall": wall, **watch.figures}


def high_water_mib(pid: int) -> float:
    """The most memory that a process has held, as Linux keeps it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib.split()[1]) / 1024


def _tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _mib(kind: str, process: psutil.Process) -> float:
    shared = kind != "driver" or process.name().startswith("python")
    full = process.memory_full_info().pss if shared else process.memory_info().rss
    return float(full) / MIB
