"""Finds a Java runtime that Spark 4.1 runs on, or says how to get one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from jobs.common.errors import UsageError

ACCEPTED = (17, 21)
PACKAGE = "openjdk-17-jre-headless"
WHERE_TO_LOOK = (Path("/usr/lib/jvm"), Path("/Library/Java/JavaVirtualMachines"))
NOTED = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
VERSION = re.compile(r'version "(\d+)')


def java_home() -> Path:
    """The directory above `bin/java` of a fitting runtime; JAVA_HOME comes first.

    Raises:
        UsageError: there is none, or JAVA_HOME names another version.
    """
    named = os.environ.get("JAVA_HOME")
    if named:
        return _checked(Path(named))
    for home in _candidates():
        if major_version(home) in ACCEPTED:
            return home
    raise UsageError(
        "no Java 17 or 21 was found, which Spark needs",
        where="PATH and " + ", ".join(str(path) for path in WHERE_TO_LOOK),
        do=f"apt-get install {PACKAGE} (or your system's package), or set JAVA_HOME",
    )


def major_version(home: Path) -> int | None:
    """The major version of `home`'s runtime; None when there is none."""
    if not (home / "bin" / "java").is_file():
        return None
    noted = home / "release"  # to start Java only to ask for its version takes its time
    if noted.is_file() and (found := NOTED.search(noted.read_text(errors="replace"))):
        return int(found.group(1))
    return _answered_version(home)


def _answered_version(home: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = VERSION.search(answer.stderr)
    return int(found.group(1)) if found else None


def install() -> bool:
    """Install the runtime where that is ours to do: root, with apt-get."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-q"], env=environment, check=False)
    command = [apt, "install", "-y", "-q", "--no-install-recommends", PACKAGE]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def _checked(home: Path) -> Path:
    version = major_version(home)
    if version not in ACCEPTED:
        raise UsageError(
            f"JAVA_HOME names {f'Java {version}' if version else 'no Java'}; Spark needs 17 or 21",
            where=str(home),
            do="correct JAVA_HOME, or unset it so that one is looked for",
        )
    return home


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parents[1]
    for parent in WHERE_TO_LOOK:
        if parent.is_dir():
            for home in sorted(parent.iterdir()):
                yield home
                yield home / "Contents" / "Home"
