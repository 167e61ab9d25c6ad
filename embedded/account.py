"""The account that Postgres runs under: it refuses to run as root.

A normal user runs it directly. Root hands it to the data directory's owner, else to
`nobody`. Where that account cannot reach the binaries or the home (a checkout below a
directory of mode 700), it gets one capability more: to pass through, nothing else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jobs.common.errors import UsageError

# Least first. Containers often hold dac_override but not dac_read_search.
EXTRA_CAPABILITIES = ("", "+dac_read_search", "+dac_override")
REACHES = 'test -r "$1" && test -x "$1" && cd "$2"'


@dataclass(frozen=True)
class Account:
    """A user and the command prefix that runs a program as it."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Hand a path to the account; only root needs to."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def account_for(pgdata: Path, binary: Path) -> Account:
    """Who runs the server of a data directory.

    Raises:
        UsageError: root cannot hand Postgres to any other account here.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    uid, gid = _owner(pgdata)
    for capabilities in EXTRA_CAPABILITIES:
        prefix = _setpriv(uid, gid, capabilities)
        check = [*prefix, "sh", "-c", REACHES, "sh", str(binary), str(pgdata.parent)]
        if subprocess.run(check, cwd="/", capture_output=True, check=False).returncode == 0:
            return Account(uid, gid, prefix)
    raise UsageError(
        f"Postgres does not run as root, and uid {uid} cannot reach its files",
        where=f"{binary} and {pgdata.parent}",
        do="run as a normal user, or put the checkout where others may pass (chmod o+x)",
    )


def _owner(pgdata: Path) -> tuple[int, int]:
    if pgdata.exists() and pgdata.stat().st_uid != 0:
        return pgdata.stat().st_uid, pgdata.stat().st_gid
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def _setpriv(uid: int, gid: int, capabilities: str) -> tuple[str, ...]:
    program = shutil.which("setpriv")
    if program is None:
        raise UsageError(
            "Postgres does not run as root, and `setpriv` is missing",
            do="install util-linux, or run as a normal user",
        )
    command = (program, f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    if not capabilities:
        return command
    # Postgres asks access(2), which ignores capabilities unless this bit is set.
    keep = ("--securebits", "+no_setuid_fixup")
    return (*command, *keep, "--inh-caps", capabilities, "--ambient-caps", capabilities)
