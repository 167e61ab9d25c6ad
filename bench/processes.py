"""Whole processes: wall time, CPU time and the largest process's memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """One run of a command: seconds, and MiB of its largest process (the driver's JVM)."""

    wall: float
    cpu: float
    peak_mib: float


def measure(command: Sequence[str], env: Mapping[str, str]) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: it did not exit with 0; its output is in the message.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"{command} exited with {process.returncode}:\n{output.decode()[-4000:]}"
        )
    wall = time.monotonic() - start
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def middle(runs: Sequence[Measured]) -> Measured:
    """Medians of each figure."""
    return Measured(
        median(r.wall for r in runs), median(r.cpu for r in runs), max(r.peak_mib for r in runs)
    )
