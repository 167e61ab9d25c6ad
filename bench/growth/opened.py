"""Which files below a directory a run opens: asked of Linux, so whoever opens them counts."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

IN_OPEN, IN_CREATE, IN_ISDIR = 0x20, 0x100, 0x40000000
EVENT = struct.Struct("iIII")
KINDS = {"data": ".parquet", "manifests": ".avro", "metadata": ".metadata.json"}


@dataclass
class Opened:
    """Distinct files that were opened; those that were made meanwhile are told apart."""

    opened: set[Path] = field(default_factory=set)
    made: set[Path] = field(default_factory=set)

    def read(self, kind: str) -> set[Path]:
        """Files of a kind that were there before."""
        return {f for f in self.opened - self.made if f.name.endswith(KINDS[kind])}


@contextmanager
def watching(root: Path) -> Iterator[Opened]:
    """Note what is opened below `root` while the block runs."""
    libc = ctypes.CDLL("libc.so.6", use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    seen, places, done = Opened(), dict[int, Path](), threading.Event()

    def watch(directory: Path) -> None:
        code = libc.inotify_add_watch(handle, str(directory).encode(), IN_OPEN | IN_CREATE)
        if code < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", str(directory))
        places[code] = directory

    def follow() -> None:
        while not done.wait(0.02):
            _drain(handle, places, seen)
        _drain(handle, places, seen)

    for directory in (root, *(path for path in root.rglob("*") if path.is_dir())):
        watch(directory)
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
        os.close(handle)


def _drain(handle: int, places: dict[int, Path], seen: Opened) -> None:
    try:
        events = os.read(handle, 1 << 20)
    except BlockingIOError:
        return
    at = 0
    while at < len(events):
        place, mask, _, length = EVENT.unpack_from(events, at)
        name = events[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0").decode()
        at += EVENT.size + length
        if name and place in places and not mask & IN_ISDIR:
            (seen.made if mask & IN_CREATE else seen.opened).add(places[place] / name)
