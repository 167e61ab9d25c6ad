"""Named points before and after each effect of a run on the world.

A job does nothing at them. Tests end the process at each in turn and look what the next run makes
of it, so whoever adds an effect names it here by `effect`, or by `transaction` of `jobs/common/db`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_watchers: list[Callable[[str], None]] = []


@contextmanager
def effect(name: str) -> Iterator[None]:
    """A call whose effect outlives the process: a commit, a moved file, a mail."""
    reached(f"before {name}")
    yield
    reached(f"after {name}")


def reached(point: str) -> None:
    """Tell whoever watches."""
    for watcher in _watchers:
        watcher(point)


@contextmanager
def watched(watcher: Callable[[str], None]) -> Iterator[None]:
    """Call the watcher at every point that this process reaches."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)
