"""A process of one engine that answers cases, so that sessions are warm and memory is its own.

`python -m bench.asof_worker ENGINE DIRECTORY` reads a case a line and writes its figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from bench.asof_spark import Answer
from bench.memory import high_water_mib
from bench.processes import ROOT


class Engine(Protocol):
    """Something that does the join."""

    def answer(self, directory: Path, case: str, lines: str, prices: str, /) -> Answer:
        """Rows, sum of amounts, rows without a price."""


class Worker:
    """The parent's side: a process, started when it is first asked."""

    def __init__(self, engine: str, directory: Path) -> None:
        self._command = [sys.executable, "-m", "bench.asof_worker", engine, str(directory)]
        self._process: subprocess.Popen[str] | None = None

    def ask(self, *case: str) -> dict[str, Any]:
        """Have a case measured.

        Raises:
            RuntimeError: the process ended.
        """
        if self._process is None:
            env = {**os.environ, "POLARS_MAX_THREADS": "2"}
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(case), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"{self._command} ended at {case}")

    def end(self) -> None:
        """Let the process end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


def _start(engine: str) -> tuple[Engine, list[int]]:
    """The engine, and the processes whose memory is its own: Spark has a JVM, too."""
    if engine == "spark":
        from bench.asof_spark import Spark

        spark = Spark()
        java = spark._session.sparkContext._jvm
        assert java is not None
        return spark, [os.getpid(), int(java.java.lang.ProcessHandle.current().pid())]
    from bench import asof_rivals

    return asof_rivals.DuckDb() if engine == "duckdb" else asof_rivals.Polars(), [os.getpid()]


def main(engine: str, directory: Path) -> None:
    """Answer until the input ends."""
    ready, processes = _start(engine)
    for line in sys.stdin:
        for pid in processes:  # the peak from now on
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        start = time.monotonic()
        answer = ready.answer(directory, *json.loads(line))
        wall = time.monotonic() - start
        peak = sum(high_water_mib(pid) for pid in processes)
        print(
            json.dumps({"wall": wall, "peak_mib": peak, "answer": answer}),
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
