"""Configuration as code, the seed, the image and the files it configures: do they agree?"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.common.settings import PROJECT_ROOT
from tests.jenkins.builds import HERE, PIPELINES, Jenkins, file_of, groovy

JENKINS = PROJECT_ROOT / "jenkins"
AUDIT = "make --silent .audit/bin/pip-audit && scripts/audit.sh || test $? = 75"
NAMES = ["daily", *sorted(path.name.split(".")[0] for path in PIPELINES.iterdir())]
VARIABLE = re.compile(r"\$\{(\w+)\}")
DERIVED = {"JENKINS_SMTP_SSL", "JENKINS_SMTP_STARTTLS"}  # by jenkins/entrypoint.sh


def casc() -> dict[str, Any]:
    return dict(yaml.safe_load((JENKINS / "casc.yaml").read_text()))


def text_of(pipeline: str) -> str:
    return file_of(pipeline).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The jobs that the seed asks for, with the files as the image has them."""
    return seed(tmp_path_factory.mktemp("image"))


def seed(directory: Path, **variables: str) -> dict[str, Any]:
    for name in NAMES:
        (directory / f"{name}.Jenkinsfile").write_text(text_of(name))
    jobs = directory / "jobs.json"
    done = groovy(
        HERE / "job_dsl.groovy",
        str(JENKINS / "seed.groovy"),
        str(jobs),
        JENKINS_PIPELINES=str(directory),
        **variables,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(jobs.read_text()))


def test_there_is_a_job_for_every_file(seeded: dict[str, Any]) -> None:
    assert sorted(seeded) == sorted(NAMES)
    for name, job in seeded.items():
        assert job["definition"][0]["cps"][0] == {
            "script": [[text_of(name)]],
            "sandbox": [[True]],
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_job_has_triggers_and_parameters_before_its_first_build(
    seeded: dict[str, Any], name: str, tmp_path: Path
) -> None:
    declared = Jenkins(tmp_path, {}, {}, labels=[]).build(name).trace
    triggers = seeded[name]["properties"][0]["pipelineTriggers"][0]["triggers"][0]
    asked = seeded[name].get("parameters", [{}])[0]

    cron = [[value] for value in declared["triggers"].get("cron", [])]
    assert [entry["spec"][0] for entry in triggers.get("cron", [])] == cron
    poll = [[value] for value in declared["triggers"].get("pollSCM", [])]
    assert [entry["scmpoll_spec"][0] for entry in triggers.get("pollSCM", [])] == poll
    found = {call[0]: call[1:] for calls in asked.values() for call in calls}
    assert found == {
        p["name"]: [p["choices"] if p["type"] == "choice" else p["defaultValue"], p["description"]]
        for p in declared["parameters"]
    }


def test_ci_waits_for_a_repository(seeded: dict[str, Any], tmp_path: Path) -> None:
    assert {name for name, job in seeded.items() if job["disabled"] == [[True]]} == {"ci"}
    with_one = seed(tmp_path, CI_REPOSITORY="https://example.org/warehouse.git")
    assert with_one["ci"]["disabled"] == [[False]]


SCHEDULES = {
    "daily": "0 6 * * *",
    "transactions": "10 */4 * * *",
    "baselines": "0 2 1 * *",
    "maintain": "30 1 * * 0",
    "archive": "0 2 2 * *",
    "readiness": "0 10 * * *",
    "checks": "30 10 * * *",
    "ci": "0 22 * * *",
}


@pytest.mark.parametrize("name", NAMES)
def test_schedules_are_in_utc(name: str, tmp_path: Path) -> None:
    trace = Jenkins(tmp_path, {}, {}, labels=[]).build(name).trace

    cron = trace["triggers"].get("cron", [])
    assert cron == ([f"TZ=Etc/UTC\n{SCHEDULES[name]}"] if name in SCHEDULES else [])
    kept = {"timestamps", "disableConcurrentBuilds", "buildDiscarder"}
    assert kept <= set(trace["options"])


@pytest.mark.parametrize("name", NAMES)
def test_every_build_is_limited_in_time_and_thin(name: str) -> None:
    text = text_of(name)

    assert "timeout(time:" in text
    assert len(text.splitlines()) <= 90
    scripts = re.findall(r"sh '+(.*?)'?(?: \}|$)", text, re.MULTILINE)
    assert scripts
    assert [s for s in scripts if '"$WAREHOUSE_ROOT/jenkins/' not in s] == (
        ["CI=true bash .ci/run", AUDIT] if name == "ci" else []
    )


def test_every_wrapper_that_a_pipeline_calls_is_there() -> None:
    called = {name for p in NAMES for name in re.findall(r"\brun_\w+\.sh", text_of(p))}

    assert called <= {path.name for path in (PROJECT_ROOT / "scripts").iterdir()}


def test_credentials_are_those_that_pipelines_bind() -> None:
    (domain,) = casc()["credentials"]["system"]["domainCredentials"]
    defined = {c["string"]["id"]: c["string"]["secret"] for c in domain["credentials"]}

    bound = {
        pair for p in NAMES for pair in re.findall(r"(\w+) = credentials\('(.*)'\)", text_of(p))
    }
    assert {name for _, name in bound} == set(defined)
    assert {(VARIABLE.findall(secret)[0], name) for name, secret in defined.items()} == bound


def test_every_variable_is_in_the_example() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text()
    known = set(re.findall(r"^(\w+)=", example, re.MULTILINE)) | DERIVED
    files = [JENKINS / name for name in ("casc.yaml", "smtp_login.yaml", "entrypoint.sh")]

    used = {name for file in files for name in VARIABLE.findall(file.read_text())}
    assert {name for name in used if name != "name"} <= known
    assert "CI_REPOSITORY" in used


def test_no_secret_is_written_down() -> None:
    def secrets(node: Any) -> list[str]:
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        return [
            found
            for key, value in pairs
            for found in (
                secrets(value)
                if isinstance(value, (dict, list))
                else [str(value)] * (key in {"password", "secret"})
            )
        ]

    found = secrets(casc())
    assert len(found) == 10
    assert [value for value in found if not VARIABLE.fullmatch(value)] == []


def test_nobody_gets_in_without_an_account() -> None:
    jenkins = casc()["jenkins"]
    entries = jenkins["authorizationStrategy"]["globalMatrix"]["entries"]

    assert {e["user"]["name"]: e["user"]["permissions"] for e in entries} == {
        "${JENKINS_ADMIN_USER}": ["Overall/Administer"],
        "${JENKINS_AGENT_USER}": ["Overall/Read", "Agent/Connect"],
    }
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    assert jenkins["crumbIssuer"] == {"standard": {"excludeClientIPFromCrumb": False}}
    assert jenkins["numExecutors"] == 0
    assert jenkins["slaveAgentPort"] == -1


def test_every_label_that_a_pipeline_asks_for_has_an_agent() -> None:
    agents = {node["permanent"]["labelString"] for node in casc()["jenkins"]["nodes"]}

    assert {found for p in NAMES for found in re.findall(r"label '(\w+)'", text_of(p))} == agents


def test_the_image_has_every_file_that_it_needs() -> None:
    dockerfile = (JENKINS / "Dockerfile").read_text()
    sources = {word for line in re.findall(r"^COPY (.*)$", dockerfile, re.MULTILINE)
               for word in line.split()[:-1]}  # fmt: skip

    assert [source for source in sources if not (PROJECT_ROOT / source).exists()] == []
    files = {path.relative_to(PROJECT_ROOT).as_posix() for path in JENKINS.iterdir()}
    agents_own = {"jenkins/Dockerfile", "jenkins/stage.sh", "jenkins/report.sh"}
    assert files - sources == agents_own
    assert casc()["jobs"] == [{"file": "/opt/jenkins/seed.groovy"}]


def test_plugins_have_exact_versions() -> None:
    lines = (JENKINS / "plugins.txt").read_text().splitlines()
    plugins = [line for line in lines if not line.startswith("#")]

    assert [p for p in plugins if not re.fullmatch(r"[a-z0-9-]+:[\w.-]+", p)] == []
    assert len({p.split(":")[0] for p in plugins}) == len(plugins)
    assert re.search(r"^FROM jenkins/jenkins:\d+\.\d+\.\d+-lts-jdk21$",
                     (JENKINS / "Dockerfile").read_text(), re.MULTILINE)  # fmt: skip


SETTINGS = {
    "JENKINS_ADMIN_USER": "admin",
    "JENKINS_ADMIN_PASSWORD": "a",
    "JENKINS_AGENT_USER": "agent",
    "JENKINS_AGENT_PASSWORD": "b",
    "JENKINS_PUBLIC_URL": "http://localhost:8080/",
    "SMTP_HOST": "mailpit",
    "SMTP_PORT": "1025",
    "MAIL_FROM": "warehouse@shop.example",
    "MAIL_TO": "stewards@shop.example",
}


def start(directory: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """The controller's entrypoint, before a program that shows what it was given."""
    launcher = directory / "jenkins.sh"
    launcher.write_text('#!/bin/sh\necho "$@"\nenv\n')
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
    environment = {"PATH": os.environ["PATH"], "JENKINS_LAUNCHER": str(launcher)}
    return subprocess.run(
        [str(JENKINS / "entrypoint.sh"), "--prefix=/ci"],
        env=environment | SETTINGS | changed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("security", "ssl", "starttls"),
    [("none", "false", "false"), ("starttls", "false", "true"), ("tls", "true", "false")],
)
def test_the_mailer_gets_the_settings_of_the_jobs_mail(
    tmp_path: Path, security: str, ssl: str, starttls: str
) -> None:
    lines = start(tmp_path, SMTP_SECURITY=security).stdout.splitlines()

    assert lines[0] == "--prefix=/ci"
    assert f"JENKINS_SMTP_SSL={ssl}" in lines
    assert f"JENKINS_SMTP_STARTTLS={starttls}" in lines
    assert "JENKINS_MAIL_TO=stewards@shop.example" in lines
    assert "CASC_JENKINS_CONFIG=/opt/jenkins/casc.yaml" in lines


def test_a_log_in_to_the_mail_server_is_configured_when_there_is_one(tmp_path: Path) -> None:
    lines = start(tmp_path, SMTP_USER="shop").stdout.splitlines()

    both = "/opt/jenkins/casc.yaml,/opt/jenkins/smtp_login.yaml"
    assert f"CASC_JENKINS_CONFIG={both}" in lines


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"JENKINS_ADMIN_PASSWORD": ""}, "JENKINS_ADMIN_PASSWORD is not set"),
        ({"JENKINS_ADMIN_PASSWORD": "Change-Me1"}, "JENKINS_ADMIN_PASSWORD: a sample"),
        ({"JENKINS_AGENT_PASSWORD": "secret"}, "JENKINS_AGENT_PASSWORD: a sample"),
        ({"JENKINS_AGENT_USER": "admin"}, "JENKINS_AGENT_USER"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_stops_the_start(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    done = start(tmp_path, **changed)

    assert done.returncode == 2
    assert said in done.stderr
