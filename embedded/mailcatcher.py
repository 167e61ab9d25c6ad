"""A mail server on loopback that keeps each message as one `.eml` file of the home.

`MailCatcher` starts and ends it; `python -m embedded.mailcatcher HOME PORT` is the
server itself, in the background. Its pid file says which process and port it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from embedded.home import LOOPBACK, Home, free_port, write_private
from jobs.common.errors import TransientError
from jobs.common.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

START_SECONDS = 20.0
STOP_SECONDS = 10.0
SAVED = "250 kept"
NOT_SAVED = "451 the message could not be kept, try again later"


class Keeper:
    """What the server does with a message."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def handle_DATA(  # noqa: N802 - aiosmtpd looks for this name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        """Keep it, byte for byte, before the sender is told so."""
        try:
            keep(self.directory, envelope.original_content or b"", datetime.now(UTC))
        except OSError as error:
            print(f"{error}", file=sys.stderr, flush=True)
            return NOT_SAVED
        return SAVED


def keep(directory: Path, content: bytes, now: datetime) -> Path:
    """Write one message; it appears whole. The name is its time and a hash of it."""
    digest = hashlib.sha256(content).hexdigest()[:12]
    final = directory / f"{now:%Y%m%dT%H%M%S.%fZ}-{digest}.eml"
    draft = directory / f".{final.name}.part"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(final)
    return final


def caught(home: Home) -> list[tuple[Path, EmailMessage]]:
    """The messages kept so far, the oldest first."""
    paths = sorted(home.mail.glob("*.eml"))
    return [(path, read_message(path)) for path in paths]


def read_message(path: Path) -> EmailMessage:
    """Parse one kept message."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what the default policy makes
    return message


@dataclass(frozen=True)
class MailCatcher:
    """One home's mail server."""

    home: Home

    @property
    def pid_file(self) -> Path:
        """Process, its start and its port, as JSON."""
        return self.home.root / "mailcatcher.pid"

    def process(self) -> psutil.Process | None:
        """The running server; a recorded pid that another program has now is not it."""
        try:
            known = json.loads(self.pid_file.read_text())
            process = psutil.Process(known["pid"])
            same = abs(process.create_time() - known["started"]) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def start(self) -> None:
        """Start it unless it is up; its port ends up in `embedded.env`.

        Raises:
            TransientError: it does not come up.
        """
        if self.process() is None:
            self.pid_file.unlink(missing_ok=True)
            self._spawn()
        port = json.loads(self.pid_file.read_text())["port"]
        self.home.record({"SMTP_HOST": LOOPBACK, "SMTP_PORT": port, "SMTP_SECURITY": "none"})

    def stop(self) -> bool:
        """End it; False when it wasn't running."""
        process = self.process()
        if process is None:
            return False
        process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        # Not process.wait(): in a container nobody may ever reap it.
        while self.process() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.process() is not None:
            process.kill()
        self.pid_file.unlink(missing_ok=True)
        return True

    def _spawn(self) -> None:
        wanted = self.home.read().get("SMTP_PORT") or "0"
        log = self.home.logs / "mailcatcher.log"
        with log.open("ab") as output:
            child = subprocess.run(
                [sys.executable, "-m", "embedded.mailcatcher", str(self.home.root), wanted],
                cwd="/",
                env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                check=False,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.pid_file.exists():
            if child.returncode != 0 or time.monotonic() > deadline:
                raise TransientError("the mail catcher does not start", where=str(log))
            time.sleep(0.02)


def main(home: Home, wanted: int) -> None:
    """Take a port, go into the background, serve.

    The first process ends at once, so that no job is left with a child that it doesn't
    know of and never waits for.
    """
    listener = socket.create_server((LOOPBACK, free_port(wanted)))
    if os.fork() == 0:
        asyncio.run(serve(home, listener))


async def serve(home: Home, listener: socket.socket) -> None:
    """Take mail until told to end; the pid file appears when it is taken."""
    from aiosmtpd.smtp import SMTP  # every script starts services, and most are up

    catcher = MailCatcher(home)
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    keeper = Keeper(home.mail)
    server = await loop.create_server(
        lambda: SMTP(keeper, enable_SMTPUTF8=True, ident="mail catcher", loop=loop),
        sock=listener,
    )
    me = psutil.Process()
    known = {"pid": me.pid, "started": me.create_time(), "port": listener.getsockname()[1]}
    write_private(catcher.pid_file, json.dumps(known))
    await end.wait()
    server.close()


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])), int(sys.argv[2]))
