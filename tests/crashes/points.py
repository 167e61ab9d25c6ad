"""The points at which a run can be ended, read from the code, and how kills are dealt to jobs."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from jobs.common.settings import PROJECT_ROOT
from tests.crashes.steps import BY_HAND, BY_TASKS, CORRECTIONS, UNDELIVERED

Kill = tuple[str, str]  # job, point
Row = list[Kill]  # one after the other, then a run to the end

JOBS = PROJECT_ROOT / "jobs"
BACKUP, ARCHIVE = JOBS / "backup", JOBS / "gold" / "archive.py"
MIGRATE, MAKE, RESET = (
    JOBS / name for name in ("common/migrate.py", "common/lake.py", "reset_cluster.py")
)
# Whose effects are killed in warehouses of their own.
APART = (BACKUP, ARCHIVE, MIGRATE, MAKE, RESET)


def points(root: Path = JOBS, but: Sequence[Path] = ()) -> list[str]:
    """Before and after each effect that the code below `root` names, without that below `but`."""
    paths = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    mine = [path for path in paths if not {path, *path.parents} & {*but}]
    names = {name for path in mine for name in _effects(path)}
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


def in_rows(reached: Mapping[str, Sequence[str]]) -> list[Row]:
    """Kills as they are dealt, several in a row where a run takes long or needs much to do."""
    rows: list[Row] = []
    for job, kills in groupby(sorted(dealt(reached), key=_job), key=_job):
        ordered = sorted(kills, key=lambda kill: reached[kill[0]].index(kill[1]))
        rows += ROWS.get(job, one_by_one)(ordered)
    return rows


def in_every_job(reached: Mapping[str, Sequence[str]]) -> list[Row]:
    """Each point in each job that reaches it, with a run to the end after each."""
    return one_by_one(every(reached))


def one_by_one(kills: Sequence[Kill]) -> list[Row]:
    """Each with a run to the end."""
    return [[kill] for kill in kills]


def _by_side(kills: Sequence[Kill]) -> list[Row]:
    """Before each effect, run after run; then after each."""
    return [[k for k in kills if k[1].startswith(side)] for side in ("before", "after")]


def _by_effect(kills: Sequence[Kill]) -> list[Row]:
    """Before an effect, then after it; a mark is carried by the run that made it old alone."""
    effects = dict.fromkeys(point.split(" ", 1)[1] for _, point in kills)
    found = {effect: [k for k in kills if k[1].split(" ", 1)[1] == effect] for effect in effects}
    return [
        row
        for effect, both in found.items()
        for row in (one_by_one(both) if effect.startswith("the mark") else [both])
    ]


def _of_each_kind(kills: Sequence[Kill]) -> list[Row]:
    """As often as there are kinds of corrections, of which each run makes the next."""
    return one_by_one(kills) * len(CORRECTIONS)


ROWS = {
    "erase_customer": _by_side,
    "maintain": _by_effect,
    "correct": _of_each_kind,
    BY_TASKS: _by_effect,
    UNDELIVERED: _by_effect,
}


def _job(kill: Kill) -> str:
    return kill[0]


def every(reached: Mapping[str, Sequence[str]]) -> list[Kill]:
    """Each point in each job that reaches it."""
    return [(job, point) for job, seen in reached.items() for point in dict.fromkeys(seen)]
