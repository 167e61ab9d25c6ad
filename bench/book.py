"""The figures of one run of the bench: a JSON file, written after each measurement.

A run that was stopped goes on where it was, part by part: each says at which commit and where.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import ROOT

Figures = dict[str, float]


def _commit() -> str:
    """The commit, and whether code is another; the bench itself writes results and docs."""
    git = ("git", "-C", str(ROOT))
    named = subprocess.run(
        (*git, "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=False
    )
    same = (*git, "diff", "--quiet", "HEAD", "--", ".", ":!docs", ":!bench/results")
    dirty = subprocess.run(same, check=False).returncode
    return named.stdout.strip() + ("-dirty" if dirty else "")


class Book:
    """Figures by part (a section of the report) and case (a row of its table).

    Each measurement of a case is one dictionary of figures: `wall` in seconds, `peak_mib`, …
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, Any] = {"about": {}, "runs": {}, "facts": {}}
        if path.exists():
            self._kept = json.loads(path.read_text(encoding="utf-8"))

    @staticmethod
    def _about() -> dict[str, Any]:
        return {
            "commit": _commit(),
            "started": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "machine": platform.machine(),
        }

    def about(self, part: str) -> dict[str, Any]:
        """Where, when and at which commit the part was begun."""
        return dict(self._kept["about"][part])

    def add(self, part: str, case: str, **figures: float) -> None:
        """Keep one measurement.

        Raises:
            ValueError: the part was begun at another commit or on another machine.
        """
        here = self._about()
        begun = self._kept["about"].setdefault(part, here)
        if different := [name for name in here if name != "started" and here[name] != begun[name]]:
            raise ValueError(
                f"{self.path}: {part} was begun at another {different[0]}; use another --book"
            )
        self._kept["runs"].setdefault(part, {}).setdefault(case, []).append(figures)
        self._write()

    def runs(self, part: str, case: str) -> list[Figures]:
        """All measurements of a case."""
        return list(self._kept["runs"].get(part, {}).get(case, []))

    def cases(self, part: str) -> list[str]:
        """Cases that were measured, in the order of their first measurement."""
        return list(self._kept["runs"].get(part, {}))

    def median(self, part: str, case: str, figure: str = "wall") -> float:
        """The median of a figure over a case's measurements."""
        return median(run[figure] for run in self.runs(part, case))

    def ratio(self, part: str, case: str, base: str, figure: str = "wall") -> float:
        """How many times a case takes what another does, median to median."""
        return self.median(part, case, figure) / self.median(part, base, figure)

    def peak(self, part: str, case: str, figure: str) -> float:
        """The largest of a figure over a case's measurements."""
        return max(run[figure] for run in self.runs(part, case))

    def repeat(self, part: str, case: str, rounds: int, call: Callable[[], Figures]) -> None:
        """Measure a case until it has so many rounds."""
        while len(self.runs(part, case)) < rounds:
            self.add(part, case, **call())

    def state(self, part: str, name: str, value: Any) -> None:
        """Keep a fact that is no measurement: a row width, a plan, a share."""
        self._kept["facts"].setdefault(part, {})[name] = value
        self._write()

    def fact(self, part: str, name: str, default: Any = None) -> Any:
        """A fact that was kept."""
        return self._kept["facts"].get(part, {}).get(name, default)

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps(self._kept, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.path)
