"""What stays in `landing/`: names that are not ours, things that are no files, and why."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from jobs.common.filesystem import Entry

PACKED = frozenset((".gz", ".xz", ".bz2", ".zst", ".zip", ".7z", ".lz4", ".z"))
NO_FORM = "the name has no known form; it was left where it is"
NOT_UNPACKED = (
    "compressed files are not taken; it was left where it is. Unpack it, and put the .csv here"
)
NOT_FILES = {
    "link": "it is a link, and links are not followed; put the file itself here",
    "directory": "it is a directory; it was left where it is. Put the files themselves here",
    "other": "it is a pipe, a socket or a device; it was left where it is. Put a file here",
}
CHANGED = "it changed while it was read; it waits, and the next run takes it whole"
CHANGED_SINCE = (
    "it changed after it was read; what it held is judged, and the next run reads it anew"
)


class Left(NamedTuple):
    """What stays, and why. `is_ours`: a file by its name, so it is to go in some day."""

    name: str
    why: str
    is_ours: bool = False


def why_stranger(found: Entry) -> str:
    """Why something that is no file of ours is left."""
    if found.kind in NOT_FILES:
        return NOT_FILES[found.kind]
    is_packed = PurePosixPath(found.name).suffix.lower() in PACKED
    return NOT_UNPACKED if is_packed else NO_FORM


def unreadable(problem: str) -> str:
    """Why a file whose bytes cannot be had is left."""
    return f"it cannot be read ({problem}); let the job's account read it, and start again"


def shown(name: str) -> str:
    """A name on one line, that every terminal and database takes: other characters escaped."""
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of the name that is not UTF-8
        return f"\\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode()
