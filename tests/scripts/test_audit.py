"""The audit of packages: what is known is told, and not knowing is not the same as none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobs.common.settings import PROJECT_ROOT
from tests.scripts.runner import Result, run

GOOD = {"name": "jinja2", "version": "3.1.6", "vulns": []}
BAD = {
    "name": "rich",
    "version": "15.0.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["15.0.1"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "pyspark", "skip_reason": "Dependency not found on PyPI"}


def audit(tmp_path: Path, answer: str, code: int = 0) -> Result:
    """The script, with a pip-audit that answers so and keeps what it was asked."""
    (tmp_path / "answer").write_text(answer)
    program = tmp_path / "pip-audit"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >"{tmp_path}/asked"\ncat "{tmp_path}/answer"\n'
        f"echo 'the last word' >&2\nexit {code}\n"
    )
    program.chmod(0o700)
    return run("audit.sh", home=tmp_path / "home", PIP_AUDIT=str(program))


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_all_pins_are_asked_for_and_none_is_resolved(tmp_path: Path) -> None:
    done = audit(tmp_path, answer(GOOD))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 packages, none with a known vulnerability\n"
    asked = (tmp_path / "asked").read_text().splitlines()
    named = [Path(word).name for word in asked if word.endswith(".txt")]
    assert named == ["constraints.txt", "requirements.txt", "requirements-dev.txt"]
    assert {"--no-deps", "--disable-pip"} <= set(asked)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "constraints.txt"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (PROJECT_ROOT / name).read_text(encoding="utf-8").splitlines()
    told = [line.partition("#")[0].strip() for line in lines]
    wanted = [line for line in told if line and not line.startswith(("-c", "-r"))]

    assert wanted
    assert [line for line in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_what_is_known_is_told_with_its_remedy(tmp_path: Path) -> None:
    done = audit(tmp_path, answer(GOOD, BAD, UNKNOWN), code=1)

    assert done.returncode == 1
    assert done.stdout == "rich 15.0.0: PYSEC-2026-1; mended in 15.0.1\n"
    assert "1 known vulnerabilities of 3 packages" in done.stderr


def test_a_package_of_which_nothing_is_known_is_no_clean_bill(tmp_path: Path) -> None:
    done = audit(tmp_path, answer(GOOD, UNKNOWN))

    assert done.returncode == 75
    assert "nothing could be learnt of 1 of 2 packages: pyspark" in done.stderr


@pytest.mark.parametrize("said", ["", "no JSON", "{}"])
def test_no_answer_is_none(tmp_path: Path, said: str) -> None:
    done = audit(tmp_path, said, code=1)

    assert done.returncode == 75
    assert "got no answer: the last word" in done.stderr


def test_without_the_program_it_says_what_brings_it(tmp_path: Path) -> None:
    done = run("audit.sh", home=tmp_path / "home", PIP_AUDIT=str(tmp_path / "none"))

    assert done.returncode == 2
    assert "make audit" in done.stderr
