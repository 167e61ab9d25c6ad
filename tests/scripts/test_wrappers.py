"""Every script: its help, its form, and what the linters say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.runner import ROOT, SCRIPTS, run

ALL = sorted(SCRIPTS.glob("*.sh"))
COMMANDS = [path for path in ALL if path.name != "lib.sh"]
WRAPPERS = [path for path in COMMANDS if path.name.startswith("run_")]
TOOLS = Path(sys.executable).parent


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def code_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", names(COMMANDS))
def test_help_is_the_header_and_does_nothing(name: str, tmp_path: Path) -> None:
    done = run(name, "--help", home=tmp_path / "home")

    header = (SCRIPTS / name).read_text().splitlines()[1].removeprefix("# ")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(header)
    assert "Usage:" in done.stdout
    assert "Exit:" in done.stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("path", COMMANDS, ids=names(COMMANDS))
def test_a_script_stops_at_the_first_error_and_may_be_executed(path: Path) -> None:
    assert code_lines(path)[0] == "set -Eeuo pipefail"
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize("path", WRAPPERS, ids=names(WRAPPERS))
def test_a_wrapper_is_short_and_becomes_what_it_wraps(path: Path) -> None:
    assert len(code_lines(path)) <= 25
    assert code_lines(path)[-1].startswith("exec ")


@pytest.mark.parametrize("path", WRAPPERS, ids=names(WRAPPERS))
def test_a_wrapper_passes_its_arguments_on_as_they_are(path: Path) -> None:
    text = "\n".join(code_lines(path))

    assert code_lines(path)[-1].endswith(' "$@"')
    assert not re.search(r"\beval\b|\bsh -c|\$\*|[^\"]\$@|`", text)


@pytest.mark.parametrize("linter", [("shellcheck",), ("shfmt", "-d")], ids=lambda words: words[0])
def test_linters_find_nothing(linter: tuple[str, ...]) -> None:
    files = [*map(str, ALL), str(ROOT / ".ci" / "run")]
    command = [str(TOOLS / linter[0]), *linter[1:], *files]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_make_alone_lists_every_target_that_people_call() -> None:
    # The tests may themselves be run by make.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    phony = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:")
    )
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert listed == phony.split()[1:]
