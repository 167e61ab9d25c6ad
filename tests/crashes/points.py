"""The points at which a run can be ended, read from the code, and how kills are dealt to jobs."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jobs.common.settings import PROJECT_ROOT
from tests.crashes.steps import BY_HAND

Kill = tuple[str, str]  # job, point


def points(root: Path = PROJECT_ROOT / "jobs") -> list[str]:
    """Before and after each effect that the code names."""
    names = {name for path in sorted(root.rglob("*.py")) for name in _effects(path)}
    return [f"{side} {name}" for name in sorted(names) for side in ("before", "after")]


def _effects(path: Path) -> Iterator[str]:
    """First argument of `effect(…)`, second of `transaction(…)` and `instead(…)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = {"effect": 0, "transaction": 1, "instead": 1}.get(node.func.id)
            if place is not None and len(node.args) > place:
                yield ast.literal_eval(node.args[place])


def dealt(reached: Mapping[str, Sequence[str]]) -> list[Kill]:
    """Each point once, in one of the jobs that reach it: of the chain's, the least killed so far.

    Args:
        reached: the points of each job.
    """
    of_point: dict[str, list[str]] = {}
    for job, point in every(reached):
        of_point.setdefault(point, []).append(job)
    load: Counter[str] = Counter()
    kills = []
    for point, jobs in sorted(of_point.items(), key=lambda item: len(item[1])):
        job = min(jobs, key=lambda name: (name in BY_HAND, load[name]))
        load[job] += 1
        kills.append((job, point))
    return kills


def every(reached: Mapping[str, Sequence[str]]) -> list[Kill]:
    """Each point in each job that reaches it."""
    return [(job, point) for job, seen in reached.items() for point in dict.fromkeys(seen)]
