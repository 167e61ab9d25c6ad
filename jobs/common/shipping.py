"""The project's code on its way to executors, which may run where there is no checkout."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from pathlib import Path

from jobs.common.settings import PROJECT_ROOT

SHIPPED = ("jobs",)
KEPT_SECONDS = 7 * 86400


def project_archive(directory: Path) -> Path:
    """A zip of the packages that executors import; named by content, so never an old one."""
    sources = sorted(path for package in SHIPPED for path in (PROJECT_ROOT / package).rglob("*.py"))
    archive = directory / f"project-{_digest(sources)}.zip"
    if not archive.exists():
        _drop_outdated(directory)
        half = archive.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as file:
            for source in sources:
                file.write(source, source.relative_to(PROJECT_ROOT))
        half.replace(archive)
    return archive


def _digest(sources: list[Path]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        content = source.read_bytes()
        digest.update(f"{source.relative_to(PROJECT_ROOT)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _drop_outdated(directory: Path) -> None:
    for archive in directory.glob("project-*"):
        if time.time() - archive.stat().st_mtime > KEPT_SECONDS:
            archive.unlink(missing_ok=True)
