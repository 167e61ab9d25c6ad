"""Our image: what goes into it, what never does, and the scripts that it starts."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from pathlib import Path

import pytest

from jobs.common.settings import PROJECT_ROOT

DOCKERFILE = PROJECT_ROOT / "docker" / "warehouse.Dockerfile"
DOCKERFILES = [DOCKERFILE, PROJECT_ROOT / "jenkins" / "Dockerfile"]


def goes_in(path: str) -> bool:
    """Whether .dockerignore lets a path into the build, its last matching line deciding."""
    kept = True
    for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        starts = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        names = parts if "**/" in line else starts
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            kept = line.startswith("!")
    return kept


def instructions(file: Path) -> list[str]:
    text = re.sub(r"\\\n", " ", file.read_text())
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_every_base_has_an_exact_tag(file: Path) -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", file.read_text(), re.MULTILINE)
    named = {name for _, name in stages}

    bases = [base for base, _ in stages if base not in named]
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+(-|$)", base) for base in bases)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_what_is_copied_is_let_into_the_build(file: Path) -> None:
    lines = [line for line in instructions(file) if line.startswith("COPY ")]
    copied = [line.split()[1:-1] for line in lines if "--from=" not in line]
    sources = [source for words in copied for source in words if source != "."]

    assert sources
    for source in sources:
        assert (PROJECT_ROOT / source).exists(), source
        assert goes_in(source), source


@pytest.mark.parametrize(
    "path",
    [".env", "jobs/.env", ".warehouse/embedded.env", ".cluster/cluster.env", ".git/config",
     ".venv/bin/python", ".jars/a.jar", "tests/conftest.py", "jobs/__pycache__/a.pyc"],
)  # fmt: skip
def test_state_and_secrets_stay_out(path: str) -> None:
    assert not goes_in(path)


@pytest.mark.parametrize("folder", ["jobs", "cluster", "embedded", "scripts", "sql", "hive"])
def test_what_jobs_and_services_need_goes_in(folder: str) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", folder], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert tracked
    assert [path for path in tracked if not goes_in(path)] == []


def test_it_runs_as_a_user_without_rights_under_tini() -> None:
    lines = instructions(DOCKERFILE)
    users = [line for line in lines if line.startswith("USER ")]
    stages = "\n".join(lines).split("FROM ")[1:]

    assert all([u for u in users if f"{u}\n" in f"{stage}\n"] for stage in stages)
    assert all(stage.rstrip().split("\n")[-1] != "USER 0:0" for stage in stages)
    assert [re.findall(r"USER (\S+)", stage)[-1] for stage in stages] == ["10001:10001"] * 2
    assert 'ENTRYPOINT ["/usr/bin/tini", "--", "/opt/warehouse/docker/entrypoint.sh"]' in lines


def test_the_agent_runs_on_the_java_of_the_controller() -> None:
    controller = re.findall(
        r"^FROM (\S+)", (PROJECT_ROOT / "jenkins/Dockerfile").read_text(), re.MULTILINE
    )
    copied = re.findall(r"COPY --from=(\S+) /opt/java/openjdk (\S+)", DOCKERFILE.read_text())
    assert [image for image, _ in copied] == controller
    assert f"JENKINS_AGENT_JAVA_HOME={copied[0][1]}" in DOCKERFILE.read_text()


def test_no_secret_is_an_argument_of_the_build() -> None:
    for file in DOCKERFILES:
        words = [line for line in instructions(file) if line.startswith(("ARG ", "ENV "))]
        assert not [line for line in words if re.search(r"PASSWORD|SECRET|TOKEN", line)]


@pytest.mark.parametrize(
    ("codes", "tries", "expected"),
    [([75, 75, 0], 3, 0), ([2], 1, 2), ([75, 75, 75, 75], 4, 75), ([0], 1, 0), ([75, 1], 2, 1)],
)
def test_a_set_up_is_tried_again_only_when_something_did_not_answer(
    tmp_path: Path, codes: list[int], tries: int, expected: int
) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "docker" / "set_up.sh"
    script.write_bytes((PROJECT_ROOT / "docker" / "set_up.sh").read_bytes())
    (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
    called = tmp_path / "scripts" / "run_setup.sh"
    called.write_text(
        '#!/bin/bash\necho x >>calls\nexit "$(sed -n "$(wc -l <calls)p" codes)"\n', encoding="utf-8"
    )
    script.chmod(0o755)
    called.chmod(0o755)

    environment = os.environ | {"SET_UP_TRIES": "4", "SET_UP_SECONDS": "0"}
    done = subprocess.run([script], env=environment, check=False)

    assert done.returncode == expected
    assert len((tmp_path / "calls").read_text().splitlines()) == tries
