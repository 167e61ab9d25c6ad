"""All services of a home together: up, down, and what is up."""

from __future__ import annotations

from embedded.home import LOOPBACK, Home
from embedded.mailcatcher import MailCatcher
from embedded.postgres import Postgres
from jobs.common.errors import UsageError


def create(home: Home) -> None:
    """Make Postgres' data directory; harmless when it is there."""
    with home.lock():
        Postgres(home).create()


def up(home: Home) -> None:
    """Start what isn't up; harmless when all is.

    Raises:
        UsageError: set-up hasn't made this home.
        TransientError: a service doesn't come up.
    """
    if not (home.exists() and home.pgdata.exists()):
        raise UsageError(
            "the warehouse has not been set up",
            where=str(home.root),
            do="make setup (or scripts/run_setup.sh)",
        )
    with home.lock():
        Postgres(home).start()
        MailCatcher(home).start()


def down(home: Home) -> list[str]:
    """Stop what is up; the names of what was."""
    if not home.root.is_dir():
        return []
    with home.lock():
        stopped = {"mail catcher": MailCatcher(home).stop(), "Postgres": Postgres(home).stop()}
    return [name for name, was_up in stopped.items() if was_up]


def status(home: Home) -> dict[str, str]:
    """Each service and its address, or `down`."""
    recorded = home.read()
    postgres = f"{LOOPBACK}:{recorded.get('GOLD_PORT')}"
    mail = f"{LOOPBACK}:{recorded.get('SMTP_PORT')}"
    return {
        "Postgres": postgres if Postgres(home).is_up() else "down",
        "mail catcher": mail if MailCatcher(home).process() else "down",
    }
