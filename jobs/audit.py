"""Looks the pinned Python packages up among known vulnerabilities, by pip-audit.

    scripts/audit.sh

The data are asked for across the network. Where they are not to be had, or lack a package, that
is an outcome of its own: never "none known".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from jobs.common.errors import TransientError, UsageError, WarehouseError
from jobs.common.job import exit_code_of, say
from jobs.common.settings import PROJECT_ROOT

PINS = ("constraints.txt", "requirements.txt", "requirements-dev.txt")
# What is pinned is audited, as it is written: nothing is resolved, installed or run for it.
OPTIONS = ("--format=json", "--progress-spinner=off", "--disable-pip", "--no-deps")
NAMED = 5
ELSEWHERE = "run it where the package index answers for vulnerabilities, too"

Package = dict[str, Any]


def extract(program: str) -> list[Package]:
    """Each pinned package with what is known of it; `skip_reason` where nothing is.

    Raises:
        UsageError: there is no pip-audit.
        TransientError: it got no answer.
    """
    files = [word for name in PINS for word in ("-r", str(PROJECT_ROOT / name))]
    try:
        done = subprocess.run(
            [program, *OPTIONS, *files], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UsageError(f"pip-audit does not start: {error}", do="make audit") from None
    try:
        found: list[Package] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = done.stderr.strip().split("\n")[-1]
        raise TransientError(f"pip-audit got no answer: {reason}", do=ELSEWHERE) from None
    return found


def words(package: Package) -> Iterator[str]:
    """A line a vulnerability."""
    for known in package.get("vulns", []):
        mended = ", ".join(known["fix_versions"]) or "none yet"
        yield f"{package['name']} {package['version']}: {known['id']}; mended in {mended}"


def run(program: str) -> None:
    """Say what is known.

    Raises:
        WarehouseError: a package has a known vulnerability.
        TransientError: the data were not reached, or lack a package.
    """
    packages = {package["name"]: package for package in extract(program)}
    found = [line for package in packages.values() for line in words(package)]
    for line in found:
        say(line)
    if found:
        raise WarehouseError(
            f"{len(found)} known vulnerabilities of {len(packages)} packages",
            do=f"pin versions that mend them, in {', '.join(PINS)}",
        )
    unknown = sorted(name for name, package in packages.items() if "skip_reason" in package)
    if unknown:
        named = ", ".join(unknown[:NAMED]) + (", …" if unknown[NAMED:] else "")
        raise TransientError(
            f"nothing could be learnt of {len(unknown)} of {len(packages)} packages: {named}",
            do=ELSEWHERE,
        )
    say(f"{len(packages)} packages, none with a known vulnerability")


if __name__ == "__main__":
    program = os.environ.get("PIP_AUDIT") or str(PROJECT_ROOT / ".audit" / "bin" / "pip-audit")
    sys.exit(exit_code_of(lambda: run(program)))
