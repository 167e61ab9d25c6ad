"""The archive of Java classes with which Spark starts in less time (class-data sharing).

A driver loads some 20,000 classes before its first query. The archive holds them as Java keeps
them in memory, parsed and checked, for drivers to map. One whose Java or jars are others, or that
finds no archive, reads its classes from the jars.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from embedded.jars import JARS, PINS
from embedded.java import java_home
from embedded.spark import spark_home

# Java would warn on standard output of an archive that it cannot use.
QUIET = "-Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off"


def name_of(size: int | str) -> str:
    """The file's name: for this Java and these jars, and how many bytes it has."""
    signs = (java_home() / "release", spark_home() / "version.py", PINS)
    told = [str(java_home()), str(spark_home())]
    told += [sign.read_text() for sign in signs if sign.is_file()]
    key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    return f"classes-{key}-{size}.jsa"


def archive() -> Path | None:
    """The archive; None when there is none, or only a part of it.

    Java checks whose classes an archive holds, but a torn one would end it.
    """
    whole = (p for p in JARS.glob(name_of("*")) if p.name == name_of(p.stat().st_size))
    return next(whole, None)


def java_options() -> str:
    """What tells a driver to map the archive; nothing when there is none."""
    path = archive()
    return f"-XX:SharedArchiveFile={path} {QUIET}" if path else ""
