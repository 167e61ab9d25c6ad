"""Everything of ours that listens, read from the kernel's own tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from embedded.home import Home
from embedded.mailcatcher import MailCatcher
from embedded.postgres import Postgres

LISTEN = "0A"
LOOPBACK = "0100007F"  # 127.0.0.1 as the kernel writes it
SOCKET = re.compile(r"socket:\[(\d+)\]")

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")


def our_processes(home: Home) -> list[psutil.Process]:
    pid, mail = Postgres(home).pid(), MailCatcher(home).process()
    assert pid is not None
    assert mail is not None
    parents = [psutil.Process(pid), mail]
    return parents + [child for parent in parents for child in parent.children(recursive=True)]


def sockets_of(process: psutil.Process) -> Iterator[str]:
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        match = SOCKET.fullmatch(str(link.readlink()))
        if match:
            yield match[1]


def listening() -> dict[str, tuple[str, int]]:
    """Inode → address and port, of both IP versions."""
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN:
                address, port = words[1].split(":")
                found[words[9]] = (address, int(port, 16))
    return found


def test_every_socket_that_listens_is_on_loopback_at_a_recorded_port(home: Home) -> None:
    inodes = {inode for process in our_processes(home) for inode in sockets_of(process)}

    ours = {place for inode, place in listening().items() if inode in inodes}

    recorded = home.read()
    ports = {int(recorded["GOLD_PORT"]), int(recorded["SMTP_PORT"])}
    assert ours == {(LOOPBACK, port) for port in ports}


def test_nothing_listens_on_a_local_socket_file(home: Home) -> None:
    inodes = {inode for process in our_processes(home) for inode in sockets_of(process)}

    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    named = [words for words in map(str.split, lines) if words[6] in inodes and len(words) > 7]

    assert named == []
