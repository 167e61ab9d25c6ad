"""Builds of Jenkinsfiles: `interpreter.groovy` runs them, as a Jenkins agent would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from embedded import jars
from embedded.java import java_home
from jobs.common.settings import PROJECT_ROOT

HERE = Path(__file__).parent
GROOVY = ("groovy-all", HERE / "jars.txt", jars.JARS / "groovy")
PIPELINES = PROJECT_ROOT / "jenkins" / "pipelines"
JENKINS_URL = "http://jenkins.example/"


def file_of(pipeline: str) -> Path:
    """The Jenkinsfile of a pipeline."""
    if pipeline == "daily":
        return PROJECT_ROOT / "Jenkinsfile"
    return PIPELINES / f"{pipeline}.Jenkinsfile"


@cache
def compiled(script: Path) -> tempfile.TemporaryDirectory[str]:
    """The classes of a Groovy script: compiling it takes longer than a build."""
    jars.fetch(*GROOVY[1:])
    classes = tempfile.TemporaryDirectory(prefix="groovy-")
    compiler = "org.codehaus.groovy.tools.FileSystemCompiler"
    done = java(str(jars.jar(*GROOVY)), compiler, "-d", classes.name, str(script))
    assert done.returncode == 0, done.stderr
    return classes


def groovy(script: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """One Groovy script, in an environment that holds nothing but `variables`."""
    class_path = os.pathsep.join([str(jars.jar(*GROOVY)), compiled(script).name])
    return java(class_path, script.stem, *arguments, **variables)


def java(class_path: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A short-lived Java program."""
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8")
    command = [str(java_home() / "bin" / "java"), *options, "-cp", class_path, *words]
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, check=False, timeout=600
    )


@dataclass
class Build:
    """What a build left behind."""

    directory: Path
    workspace: Path
    trace: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""

    @property
    def artifacts(self) -> Path:
        return self.directory / "artifacts"

    @property
    def console(self) -> str:
        path = self.directory / "console"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def result(self) -> str:
        return str(self.trace["result"])

    @property
    def stages(self) -> list[str]:
        """The stages that ran, in order."""
        return [s["name"] for s in self.trace["stages"] if s["status"] != "SKIPPED"]

    @property
    def mails(self) -> list[dict[str, str]]:
        return list(self.trace["mails"])

    def steps(self, name: str) -> list[dict[str, Any]]:
        return [step for step in self.trace["steps"] if step["step"] == name]


@dataclass
class Jenkins:
    """A controller with one agent; its files are in `directory`."""

    directory: Path
    agent: dict[str, str]
    credentials: dict[str, str]
    controller: dict[str, str] = field(
        default_factory=lambda: {
            "JENKINS_URL": JENKINS_URL,
            "JENKINS_MAIL_TO": "operators@shop.example",
        }
    )
    labels: list[str] = field(default_factory=lambda: ["spark", "ci"])
    root: Path = PROJECT_ROOT
    builds: int = 0

    def build(
        self, pipeline: str | Path, *, timer: bool = False, **parameters: str | bool
    ) -> Build:
        """Run one build; like an agent's, the workspace is that of the job's builds before."""
        self.builds += 1
        file = pipeline if isinstance(pipeline, Path) else file_of(pipeline)
        job = "daily" if file.name == "Jenkinsfile" else file.name.split(".")[0]
        build = Build(self.directory / str(self.builds), self.directory / f"workspace of {job}")
        build.directory.mkdir()
        build.workspace.mkdir(exist_ok=True)
        spec = {
            "file": str(file),
            "job": job,
            "number": self.builds,
            "cause": "timer" if timer else "user",
            "parameters": parameters,
            "workspace": str(build.workspace),
            "artifacts": str(build.artifacts),
            "console": str(build.directory / "console"),
            "labels": self.labels,
            "gone": str(self.gone),
            "agent": self.environment(),
            "controller": self.controller,
            "credentials": self.credentials,
        }
        given, trace = build.directory / "spec.json", build.directory / "trace.json"
        given.write_text(json.dumps(spec))
        done = groovy(HERE / "interpreter.groovy", str(given), str(trace))
        given.unlink()  # it holds the credentials
        build.refusal = done.stderr
        if done.returncode == 0:
            build.trace = json.loads(trace.read_text())
        return build

    @property
    def gone(self) -> Path:
        """Once this file is there, the agent is not."""
        return self.directory / "gone"

    def environment(self) -> dict[str, str]:
        """The agent's: what its image and the node set."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "WAREHOUSE_ROOT": str(self.root),
            "WAREHOUSE_PYTHON": sys.executable,
            "RETRY_SECONDS": "0",
            **self.agent,
        }
