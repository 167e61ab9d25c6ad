"""Runs scripts as a scheduler would: from another directory, in a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
OURS = ("GOLD_", "METASTORE_", "SMTP_", "WAREHOUSE_")

Result = subprocess.CompletedProcess[str]


def run(script: str, *arguments: str, home: Path, stdin: str = "", **variables: str) -> Result:
    """One script on one home."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    ours = {"WAREHOUSE_HOME": str(home), "WAREHOUSE_PYTHON": sys.executable}
    return subprocess.run(
        [str(SCRIPTS / script), *arguments],
        cwd="/",
        env=inherited | ours | variables,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def sql(home: Path, statement: str, role: str = "reader", **variables: str) -> Result:
    """SQL through `gold_sql.sh`."""
    return run("gold_sql.sh", "--role", role, statement, home=home, **variables)
