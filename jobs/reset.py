"""Removes a home: databases, lake, landing files, mail, logs, passwords.

A cluster's warehouse has no home of its own: `jobs/reset_cluster.py` empties it.

    scripts/run_reset.sh                       says what would go, and a checksum
    scripts/run_reset.sh --confirm CHECKSUM    removes just that

The checksum covers the home's identity and the files of lake, landing and mail, so a
confirmation is void once anything has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from embedded import services
from embedded.home import Home
from jobs.common.errors import UsageError
from jobs.common.job import exit_code_of, say
from jobs.common.settings import Settings, load_settings
from jobs.launch import launch

COUNTED = ("lake", "landing", "mail")


def files_below(directory: Path) -> Iterator[tuple[str, int]]:
    """Path and size of every file, in order; links are not followed."""
    for parent, directories, names in os.walk(directory):
        directories.sort()
        for name in sorted(names):
            path = Path(parent) / name
            yield str(path), path.lstat().st_size


def checksum(home: Home) -> str:
    """What a confirmation has to repeat."""
    digest = hashlib.sha256(f"{home.root}\0{home.marker.read_text()}".encode())
    for name in COUNTED:
        for path, size in files_below(home.root / name):
            digest.update(f"\0{path}\0{size}".encode())
    return digest.hexdigest()[:12]


def describe(home: Home) -> None:
    """Say what lies in the home."""
    for entry in sorted(home.root.iterdir()):
        sizes = [size for _, size in files_below(entry)] if entry.is_dir() else []
        amount = f": {len(sizes):,} files, {sum(sizes):,} bytes" if entry.is_dir() else ""
        say(f"would remove {entry}{amount}")


def remove(home: Home) -> None:
    """End the services, and with them every session; then remove the directory."""
    services.down(home)
    # The marker goes last, so that a reset that was broken off can be repeated.
    for entry in sorted(home.root.iterdir(), key=lambda path: path == home.marker):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    home.root.rmdir()


def reset(settings: Settings, confirmed: str) -> None:
    """Describe, or remove what was described.

    Raises:
        UsageError: it isn't a home, or not what was confirmed.
    """
    home = Home(settings.home)
    if not home.root.exists():
        say(f"nothing to remove: {home.root} does not exist")
        return
    if not home.marker.is_file():
        raise UsageError("this is not a warehouse home", where=str(home.root))
    expected = checksum(home)
    if not confirmed:
        describe(home)
        say(f"to remove all that: scripts/run_reset.sh --confirm {expected}")
    elif confirmed == expected:
        remove(home)
        say(f"removed {home.root}")
    else:
        raise UsageError(
            "the checksum is not that of the home as it is now",
            where=str(home.root),
            do="look again at what would go: scripts/run_reset.sh",
        )


def main(
    confirm: Annotated[str, typer.Option(help="The checksum that a dry run printed.")] = "",
) -> None:
    """Say what a reset would remove, or remove it."""
    sys.exit(exit_code_of(lambda: _reset(confirm)))


def _reset(confirmed: str) -> None:
    settings = load_settings()
    if settings.warehouse_mode == "cluster":  # metastore and lake are Spark's to reach
        arguments = ["--confirm", confirmed] if confirmed else []
        launch("jobs/reset_cluster.py", arguments, with_spark=True)
    reset(settings, confirmed)


if __name__ == "__main__":
    typer.run(main)
