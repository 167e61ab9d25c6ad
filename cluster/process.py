"""The process of a service: its command line, environment and configuration files."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.sax.saxutils import escape

from cluster.settings import ServiceSettings
from embedded.home import write_private
from embedded.java import java_home
from jobs.common.errors import TransientError

SECONDS_TO_ANSWER = 5


@dataclass(frozen=True)
class Process:
    """What is to run; secrets travel in files or the environment, never in the command."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def become(self) -> NoReturn:
        """Replace this process, so that signals reach the service."""
        os.execve(self.command[0], self.command, {**os.environ, **self.environment})  # noqa: S606 - no shell wanted


def java(settings: ServiceSettings, *options: str) -> list[str]:
    """The start of a Java command line."""
    hosts = [f"-Djdk.net.hosts.file={settings.java_hosts_file}"] if settings.java_hosts_file else []
    heap = f"-Xmx{settings.service_memory}"
    return [
        *(str(java_home() / "bin" / "java"), heap, "-Duser.timezone=UTC"),
        *("-XX:+ExitOnOutOfMemoryError", *hosts, *options),
    ]


def class_path(*entries: Path | str) -> str:
    """Directories and jars as `-cp` wants them."""
    return os.pathsep.join(map(str, entries))


def write_site(path: Path, values: Mapping[str, object]) -> None:
    """A Hadoop configuration file, for this user only."""
    properties = "".join(
        f"  <property><name>{escape(name)}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in sorted(values.items())
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, f'<?xml version="1.0"?>\n<configuration>\n{properties}</configuration>\n')


def page(url: str) -> str:
    """The text of a service's own page.

    Raises:
        TransientError: it doesn't answer.
    """
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_TO_ANSWER) as answer:  # noqa: S310 - our own page
            text: str = answer.read().decode()
    except (OSError, urllib.error.URLError) as error:
        raise TransientError(f"no answer: {error}", where=url) from None
    return text


def make_directories(paths: Iterable[Path]) -> None:
    """The service's own directories."""
    for path in paths:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
