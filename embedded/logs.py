"""Logs of a home: where a full one goes, and how one is put there while a service writes it.

A log `NAME` is put aside as `NAME.YYYY-MM-DD`, or with `.1`, `.2`, … after it, when that is taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

# Who writes these keeps them open for weeks, appending: they are copied and emptied.
OF_SERVICES = ("postgres.log", "mailcatcher.log")
# Drivers come and go: who has it open goes on in the file that was renamed, nothing is lost.
OF_DRIVERS = ("spark.log",)
AT_ONCE = 1 << 20


def aside(log: Path, day: date) -> Path:
    """A free name for what a log holds."""
    first = log.with_name(f"{log.name}.{day}")
    further = (log.with_name(f"{first.name}.{number}") for number in count(1))
    return first if not first.exists() else next(path for path in further if not path.exists())


def put_aside(log: Path, day: date) -> Path:
    """Begin a log anew; the file that has what it held, with its owner and mode."""
    target = aside(log, day)
    if log.name in OF_DRIVERS:
        log.rename(target)
    else:
        _move_content(log, target)
    return target


def _move_content(log: Path, target: Path) -> None:
    status = log.stat()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with log.open("r+b") as source, os.fdopen(handle, "wb") as copy:
        if os.geteuid() == 0:
            os.fchown(copy.fileno(), status.st_uid, status.st_gid)
        while source.tell() < os.fstat(source.fileno()).st_size:  # what came meanwhile, too
            shutil.copyfileobj(source, copy, AT_ONCE)
        copy.flush()
        os.fsync(copy.fileno())
        shutil.copyfileobj(source, copy)
        source.truncate(0)


def kept_aside(logs: Path) -> Iterator[Path]:
    """Files that a log was put aside into, those of older homes among them."""
    for name in (*OF_SERVICES, *OF_DRIVERS):
        yield from logs.glob(f"{name}.*")
