"""Sockets that listen, read from the kernel's own tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

LISTEN = "0A"
# 127.0.0.1 as the kernel writes it, also within IPv6
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
SOCKET = re.compile(r"socket:\[(\d+)\]")


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


def places(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Address and port of every socket on which one of the processes listens."""
    inodes = {inode for process in processes for inode in sockets_of(process)}
    return {place for inode, place in listening().items() if inode in inodes}
