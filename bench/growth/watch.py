"""A command with what it takes: wall and CPU seconds, and the most memory of each kind of process.

Memory is the resident set, but of Postgres the proportional one: its processes share buffers.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.book import Figures
from bench.processes import ROOT

SECONDS = 0.2
MIB = 2**20


class Watch:
    """Samples a process tree and a Postgres until told to stop."""

    def __init__(self, pid: int, pgdata: Path) -> None:
        self._pid = pid
        self._postmaster = int((pgdata / "postmaster.pid").read_text().split()[0])
        self._peak: dict[str, float] = defaultdict(float)
        self._cpu = {p.pid: -_seconds(p) for p in _tree(self._postmaster)}
        self._used: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._stop.wait(SECONDS):
            self._sample()

    def _sample(self) -> None:
        now: dict[str, float] = defaultdict(float)
        for kind, process in self._processes():
            with suppress(psutil.Error):
                now[kind] += _memory(kind, process)
                self._used[process.pid] = _seconds(process)
        for kind, value in now.items():
            self._peak[kind] = max(self._peak[kind], value)

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in _tree(self._pid):
            with suppress(psutil.Error):
                is_worker = any(part.startswith("pyspark.") for part in process.cmdline())
                yield "workers" if is_worker else "driver", process
        for process in _tree(self._postmaster):
            yield "postgres", process

    def stop(self) -> Figures:
        """Seconds of CPU, and MiB by kind."""
        self._stop.set()
        self._thread.join()
        cpu = sum(seconds + self._cpu.get(pid, 0) for pid, seconds in self._used.items())
        return {"cpu": cpu} | {f"{kind}_mib": self._peak[kind] for kind in KINDS}


KINDS = ("driver", "workers", "postgres")


def _tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _memory(kind: str, process: psutil.Process) -> float:
    if kind == "postgres":
        return process.memory_full_info().pss / MIB
    return process.memory_info().rss / MIB


def run(command: Sequence[str], env: Mapping[str, str], pgdata: Path) -> Figures:
    """Run a command to its end.

    Raises:
        RuntimeError: it did not exit with 0; its output is in the message.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch = Watch(process.pid, pgdata)
    output, _ = process.communicate()
    figures = {"wall": time.monotonic() - start} | watch.stop()
    if process.returncode:
        told = output.decode()[-4000:]
        raise RuntimeError(f"{command} exited with {process.returncode}:\n{told}")
    return figures
