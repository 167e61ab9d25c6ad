"""A Jenkins whose wrappers are fake, for the pipelines' own logic, and one with the real ones."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.common.settings import PROJECT_ROOT
from tests.jenkins.builds import Build, Jenkins

FAKE = r"""
[[ "${1:-}" != --help ]] || { awk 'NR > 1 && !/^#/ { exit } NR > 1' "$0"; exit 0; }
{ printf '%s' "${0##*/}"; printf '%s' "${@/#/|}"; echo; } >>"$HOME/calls"
env >"$HOME/environment.${0##*/}"
echo "output of ${0##*/}"
codes="$HOME/codes.${0##*/}"
[[ -s "$codes" ]] || exit 0
code="$(head -n 1 "$codes")" && sed -i 1d "$codes"
[[ "$code" != gone ]] || { touch "$HOME/gone"; sleep 60; }
exit "$code"
"""
SECRETS = {
    "gold-admin-password": "of-admin-4711",
    "gold-owner-password": "of-owner-4712",
    "gold-loader-password": "of-loader-4713",
    "gold-analyst-password": "of-analyst-4714",
    "gold-reader-password": "of-reader-4715",
    "gold-customer-password": "of-customer-4716",
    "smtp-password": "of-smtp-4717",
    "spark-auth-secret": "of-spark-4718",
}


class Desk:
    """Jenkins in front of wrappers that only write down how they were called."""

    def __init__(self, directory: Path) -> None:
        root = directory / "ware house"
        (root / "scripts").mkdir(parents=True)
        (root / "jenkins").symlink_to(PROJECT_ROOT / "jenkins")
        for script in (PROJECT_ROOT / "scripts").glob("*.sh"):
            self._fake(script, root / "scripts" / script.name)
        self.jenkins = Jenkins(directory, {}, dict(SECRETS), root=root)
        self.directory = directory

    @staticmethod
    def _fake(script: Path, fake: Path) -> None:
        lines = script.read_text().splitlines(keepends=True)
        if script.name == "lib.sh":
            fake.write_text("".join(lines))
            return
        header = [line for number, line in enumerate(lines) if number == 0 or line[0] == "#"]
        fake.write_text("".join(header) + FAKE)
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)

    def ends_with(self, wrapper: str, *codes: int | str) -> None:
        """The exit codes of the wrapper's next calls; `gone`: the agent goes meanwhile."""
        path = self.directory / f"codes.{wrapper}"
        path.write_text("".join(f"{code}\n" for code in codes))

    def prints(self, wrapper: str, words: str) -> None:
        """What the wrapper prints from now on, as the shell expands it."""
        script = self.jenkins.root / "scripts" / wrapper
        script.write_text(script.read_text().replace("output of ${0##*/}", words))

    @property
    def calls(self) -> list[list[str]]:
        """The wrappers that were called, with their arguments; the report's own left out."""
        path = self.directory / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [words for words in (line.split("|") for line in lines)
                if words[0] != "run_report.sh"]  # fmt: skip

    def environment_of(self, wrapper: str) -> dict[str, str]:
        lines = (self.directory / f"environment.{wrapper}").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A Jenkins with fake wrappers."""
    return Desk(tmp_path)


@pytest.fixture
def run(desk: Desk, tmp_path: Path) -> Callable[..., Build]:
    """Runs a Jenkinsfile of the test's own, given as text."""

    def build(text: str, **parameters: str | bool) -> Build:
        file = tmp_path / f"{desk.jenkins.builds}.Jenkinsfile"
        file.write_text(text)
        return desk.jenkins.build(file, **parameters)

    return build
