"""Makes the archive of Java classes (see `embedded/class_archive.py`), by a driver in training."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from embedded.class_archive import archive, name_of
from embedded.jars import JARS
from jobs.common.settings import PROJECT_ROOT, Settings
from jobs.launch import base_environment, spark_environment, submit_command

TRAINING = PROJECT_ROOT / "jobs" / "train_classes.py"


def make(settings: Settings) -> str:
    """Make the archive; a word on what was done. Drivers do without it, too."""
    if not settings.spark_class_archive:
        return "left alone: SPARK_CLASS_ARCHIVE is false"
    if archive():
        return "there"
    if not os.access(JARS, os.W_OK):
        return f"left alone: {JARS} cannot be written"
    with tempfile.TemporaryDirectory(dir=JARS) as scratch:
        draft = Path(scratch) / "draft.jsa"
        trouble = _train(settings, draft, Path(scratch) / "lake")
        if trouble:
            return f"left alone, jobs start without it: {trouble}"
        for old in JARS.glob("classes-*.jsa"):
            old.unlink()
        size = draft.stat().st_size
        draft.replace(JARS / name_of(size))
    return f"made, {size / 2**20:.0f} MiB"


def _train(settings: Settings, draft: Path, lake: Path) -> str | None:
    """Run the training, which writes the draft; else what went wrong."""
    options = f"-XX:ArchiveClassesAtExit={draft} -Xlog:cds=off -Xlog:cds+dynamic=off"
    command = submit_command(settings, TRAINING, options)
    environment = os.environ | base_environment(settings) | spark_environment(settings)
    done = subprocess.run(
        [*command, str(lake)],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0 and draft.is_file():
        return None
    said = [line for line in done.stdout.splitlines() if line and "WARNING" not in line]
    return said[-1] if said else "Java wrote none"
