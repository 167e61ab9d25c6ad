"""Settings that would let someone in or tell a secret; they are refused before they are used."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr

from jobs.common.addresses import is_loopback
from jobs.common.errors import UsageError

if TYPE_CHECKING:
    from jobs.common.settings import Settings

SECRET_NAME = re.compile(r"_(PASSWORD|SECRET|TOKEN|KEY)$", re.IGNORECASE)
# Letters alone are compared, so `Change-Me!` and `changeme1` are among them.
SAMPLES = {"changeme", "password", "secret", "example", "sample", "placeholder", "yourpassword"}
ENCRYPTED = ("require", "verify-ca", "verify-full")


def refuse_open_files(files: Iterable[Path]) -> None:
    """Settings files that hold a secret are their owner's alone.

    Where modes mean nothing (Windows) nothing is asked.

    Raises:
        UsageError: group or others may read one.
    """
    if os.name != "posix":
        return
    for file in files:
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077 and _holds_secret(file):
            raise UsageError(
                f"{file.name} holds a password and others than its owner may read it",
                where=str(file.absolute()),
                do=f"chmod 600 {file}",
            )


def _holds_secret(file: Path) -> bool:
    return any(value and SECRET_NAME.search(name) for name, value in dotenv_values(file).items())


def refuse_samples(settings: BaseModel) -> None:
    """A password that stands in examples is known to everybody.

    Raises:
        UsageError: naming the variables.
    """
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    found = [
        name.upper()
        for name, value in given.items()
        if isinstance(value, SecretStr) and is_sample(value.get_secret_value())
    ]
    if found:
        raise UsageError(
            f"a sample is no password: {', '.join(found)}",
            where="the environment, .env or embedded.env",
            do="set passwords of your own; docker/new_env.sh makes an .env with new ones",
        )


def is_sample(value: str) -> bool:
    """Whether it is a word that examples have in the place of a password."""
    return re.sub(r"[^a-z]", "", value.lower()) in SAMPLES


def refuse_clear_text(settings: Settings) -> None:
    """Passwords and rows leave this machine encrypted only.

    Raises:
        UsageError: a database is elsewhere, and TLS is not insisted on.
    """
    private = {host.strip() for host in settings.clear_text_hosts.split(",")} - {""}
    for name in ("gold", "metastore_db"):
        host, mode = getattr(settings, f"{name}_host"), getattr(settings, f"{name}_sslmode")
        if mode not in ENCRYPTED and not is_loopback(host) and host not in private:
            raise UsageError(
                f"the database on {host} is not on this machine, and TLS is not insisted on",
                where=f"{name.upper()}_HOST={host}, {name.upper()}_SSLMODE={mode}",
                do=f"set {name.upper()}_SSLMODE to verify-full (or require, verify-ca);"
                " docs/security.md says when CLEAR_TEXT_HOSTS is right",
            )
