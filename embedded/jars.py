"""The jars that Spark gets besides its own: pinned, fetched once, checked by hash.

`embedded/jars.txt` pins a SHA-256 and Maven coordinates a line. `spark-submit` itself
resolves them into `.jars/` of the checkout; later runs only look at the hashes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
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
    """One jar."""

    sha256: str
    coordinates: str

    @property
    def name(self) -> str:
        """The file name that Spark's resolver gives the jar."""
        return self.coordinates.replace(":", "_", 1).replace(":", "-") + ".jar"

    @property
    def path(self) -> Path:
        """Where the jar lies once it is fetched."""
        return JARS / self.name


def pins() -> list[Pin]:
    """The pinned jars."""
    lines = (line.split("#")[0].split() for line in PINS.read_text().splitlines())
    return [Pin(*line) for line in lines if line]


def jar(artifact: str) -> Path:
    """The fetched jar whose coordinates contain `artifact`."""
    return next(pin.path for pin in pins() if artifact in pin.coordinates)


def fetch() -> bool:
    """Bring all jars; False when they were there.

    Raises:
        TransientError: they cannot be downloaded.
        UsageError: one is not what was pinned.
    """
    missing = [pin for pin in pins() if not pin.path.exists()]
    if missing:
        _resolve(missing)
    for pin in pins():
        _check(pin.path, pin)
    return bool(missing)


def _resolve(missing: list[Pin]) -> None:
    JARS.mkdir(exist_ok=True)
    ivy = JARS / "ivy"
    # Packages are resolved before the application runs, and this one does nothing.
    nothing = JARS / "nothing.py"
    nothing.write_text("")
    command = [
        *(str(spark_home() / "bin" / "spark-submit"), "--master", "local[1]"),
        *("--conf", f"spark.jars.ivy={ivy}"),
        *("--packages", ",".join(pin.coordinates for pin in missing), str(nothing)),
    ]
    environment = os.environ | {"SPARK_HOME": str(spark_home()), "JAVA_HOME": str(java_home())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = " | ".join(done.stderr.strip().splitlines()[-5:])
        raise TransientError(f"the jars cannot be fetched: {reason}", do="try again: make setup")
    for pin in missing:
        fetched = ivy / "jars" / pin.name
        _check(fetched, pin)
        fetched.rename(pin.path)
    shutil.rmtree(ivy)
    nothing.unlink()


def _check(path: Path, pin: Pin) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pin.sha256:
        raise UsageError(
            f"{pin.coordinates} has SHA-256 {found}, not the pinned {pin.sha256}",
            where=str(path),
            do="remove the file and run `make setup` again; if that repeats, trust neither",
        )
