"""Everything of ours that listens, read from the kernel's own tables."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from embedded.home import Home
from embedded.mailcatcher import MailCatcher
from embedded.postgres import Postgres
from tests.support.sockets import LOOPBACK, places, sockets_of

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")


def our_processes(home: Home) -> list[psutil.Process]:
    pid, mail = Postgres(home).pid(), MailCatcher(home).process()
    assert pid is not None
    assert mail is not None
    parents = [psutil.Process(pid), mail]
    return parents + [child for parent in parents for child in parent.children(recursive=True)]


def test_every_socket_that_listens_is_on_loopback_at_a_recorded_port(home: Home) -> None:
    ours = places(our_processes(home))

    recorded = home.read()
    ports = {int(recorded["GOLD_PORT"]), int(recorded["SMTP_PORT"])}
    assert {address for address, _ in ours} <= LOOPBACK
    assert {port for _, port in ours} == ports


def test_nothing_listens_on_a_local_socket_file(home: Home) -> None:
    inodes = {inode for process in our_processes(home) for inode in sockets_of(process)}

    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    named = [words for words in map(str.split, lines) if words[6] in inodes and len(words) > 7]

    assert named == []
