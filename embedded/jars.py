"""Jars that no Python package brings: pinned, fetched once, checked by hash.

A file of pins has a SHA-256 and Maven coordinates a line; `embedded/jars.txt` are those that
Spark gets besides its own. `spark-submit` itself resolves them into `.jars/` of the checkout;
later runs only look at the hashes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from embedded.java import java_home
from embedded.spark import spark_home
from jobs.common.errors import TransientError, UsageError
from jobs.common.settings import PROJECT_ROOT

PINS = PROJECT_ROOT / "embedded" / "jars.txt"
JARS = PROJECT_ROOT / ".jars"


@dataclass(frozen=True)
class Pin:
    """One jar, and the directory that it lies in once it is fetched."""

    sha256: str
    coordinates: str
    directory: Path = JARS

    @property
    def name(self) -> str:
        """The file name that Spark's resolver gives the jar."""
        return self.coordinates.replace(":", "_", 1).replace(":", "-") + ".jar"

    @property
    def path(self) -> Path:
        """Where the jar lies once it is fetched."""
        return self.directory / self.name


def pins(file: Path = PINS, directory: Path = JARS) -> list[Pin]:
    """The pinned jars of a file."""
    lines = (line.split("#")[0].split() for line in file.read_text().splitlines())
    return [Pin(line[0], line[1], directory) for line in lines if line]


def jar(artifact: str, file: Path = PINS, directory: Path = JARS) -> Path:
    """The fetched jar whose coordinates contain `artifact`."""
    return next(pin.path for pin in pins(file, directory) if artifact in pin.coordinates)


def fetch(file: Path = PINS, directory: Path = JARS) -> bool:
    """Bring all jars of a file of pins; False when they were there.

    Raises:
        TransientError: they cannot be downloaded.
        UsageError: one is not what was pinned.
    """
    wanted = pins(file, directory)
    missing = any(not pin.path.exists() for pin in wanted)
    if missing:
        _resolve(wanted, directory)  # all, since it settles one version of each
    for pin in wanted:
        _check(pin.path, pin)
    return missing


def _resolve(wanted: list[Pin], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        _download(wanted, Path(scratch))
        for pin in wanted:
            fetched = Path(scratch) / "ivy" / "jars" / pin.name
            _check(fetched, pin)
            fetched.replace(pin.path)


def _download(wanted: list[Pin], scratch: Path) -> None:
    # Packages are resolved before the application runs, and this one does nothing.
    nothing = scratch / "nothing.py"
    nothing.write_text("")
    command = [
        *(str(spark_home() / "bin" / "spark-submit"), "--master", "local[1]"),
        # Else a ~/.m2 that holds a jar's description but not the jar stops the resolver.
        *("--driver-java-options", f"-Duser.home={scratch}"),
        *("--conf", f"spark.jars.ivy={scratch / 'ivy'}"),
        *("--packages", ",".join(pin.coordinates for pin in wanted), str(nothing)),
    ]
    environment = os.environ | {"SPARK_HOME": str(spark_home()), "JAVA_HOME": str(java_home())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = " | ".join(done.stderr.strip().splitlines()[-5:])
        raise TransientError(f"the jars cannot be fetched: {reason}", do="try again: make setup")


def _check(path: Path, pin: Pin) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pin.sha256:
        raise UsageError(
            f"{pin.coordinates} has SHA-256 {found}, not the pinned {pin.sha256}",
            where=str(path),
            do="remove the file and run `make setup` again; if that repeats, trust neither",
        )
