"""A home's logs: put aside a day at a time, and removed when they are old."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from embedded.home import Home
from embedded.logs import OF_DRIVERS, OF_SERVICES, kept_aside, put_aside
from jobs.common.points import effect
from jobs.common.settings import Settings
from jobs.maintain.work import Work


def plan(settings: Settings, now: datetime) -> Work:
    """What would be put aside or removed."""
    logs = Home(settings.home).logs
    full, old = list(_full(logs, now)), list(_old(logs, settings, now))
    times = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in old]
    more = {"put aside": len(full)}
    return Work(len(old), _size(old), min(times, default=None), more)


def _full(logs: Path, now: datetime) -> Iterator[Path]:
    """Logs with anything in them, unless they were put aside today."""
    for name in (*OF_SERVICES, *OF_DRIVERS):
        log = logs / name
        if log.exists() and log.stat().st_size and not logs.joinpath(f"{name}.{now:%F}").exists():
            yield log


def _old(logs: Path, settings: Settings, now: datetime) -> Iterator[Path]:
    """Files whose last word is older than logs are kept."""
    before = (now - timedelta(days=settings.log_keep_days)).timestamp()
    for path in (*kept_aside(logs), *logs.glob("pipeline/*.json")):
        if path.stat().st_mtime < before:
            yield path


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def load(settings: Settings, now: datetime) -> Work:
    """Put aside what is full, remove what is old."""
    done = plan(settings, now)
    logs = Home(settings.home).logs
    for path in list(_old(logs, settings, now)):
        with effect("the removal of an old log"):
            path.unlink(missing_ok=True)
    for log in list(_full(logs, now)):
        with effect("the putting aside of a log"):
            put_aside(log, now.date())
    return done
