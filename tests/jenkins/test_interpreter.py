"""The interpreter itself: what it refuses, and where it has to end as Jenkins does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.jenkins.builds import Build

Run = Callable[..., Build]
PIPELINE = "pipeline { agent { label 'spark' }; %s stages { stage('Only') { %s } } }"


def pipeline(steps: str, *, rest: str = "", post: str = "") -> str:
    end = f"post {{ {post} }}" if post else ""
    return PIPELINE % (rest, f"steps {{ {steps} }}; {end}")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (pipeline("bat 'dir'"), "step bat"),
        (pipeline("sh script: 'true', returnStdout: true"), "returnStdout"),
        (pipeline("echo 'x'"), "step echo"),
        (pipeline("sh 'true'", rest="tools { jdk 'x' };"), "tools"),
        (pipeline("sh 'true'", rest="options { ansiColor('xterm') };"), "ansiColor"),
        (pipeline("sh 'true'", rest="triggers { upstream('x') };"), "upstream"),
        (pipeline("sh 'true'", rest="parameters { password(name: 'X') };"), "password"),
        (pipeline("sh 'true'", post="changed { sh 'true' }"), "changed"),
        (pipeline("sh nothing"), "nothing"),
        (pipeline("script { currentBuild.rawBuild.x }"), "rawBuild"),
        ("pipeline { stages { stage('x') { steps { sh 'true' } } } }", "agent"),
        ("pipeline { agent none; stages { stage('x') { } } }", "stage x"),
        ("node { sh 'true' }", "node"),
    ],
)
def test_what_our_files_do_not_use_is_refused_by_name(run: Run, text: str, named: str) -> None:
    build = run(text)

    assert build.trace == {}
    assert build.refusal.startswith("refused: ")
    assert named in build.refusal


def test_a_parameter_or_a_choice_that_is_not_declared_is_refused(run: Run) -> None:
    text = pipeline("sh 'true'", rest="parameters { choice(name: 'A', choices: ['1', '2']) };")

    assert "parameter B" in run(text, B="1").refusal
    assert "no choice 3" in run(text, A="3").refusal
    assert run(text, A="2").result == "SUCCESS"


def test_shell_steps_end_at_the_first_error_and_fail_the_build(run: Run) -> None:
    build = run(pipeline("sh '''echo one\nfalse\necho two'''; sh 'echo three'"))

    assert build.result == "FAILURE"
    assert [step["code"] for step in build.steps("sh")] == [1]
    assert "one" in build.console.splitlines()
    assert "two" not in build.console.splitlines()


def test_what_comes_after_a_failed_stage_is_skipped(run: Run) -> None:
    build = run(
        "pipeline { agent { label 'spark' }; stages {"
        " stage('A') { steps { sh 'exit 3' } }; stage('B') { steps { sh 'true' } } } }"
    )

    assert [(s["name"], s["status"]) for s in build.trace["stages"]] == [
        ("A", "FAILED"),
        ("B", "SKIPPED"),
    ]


CONDITIONS = ["cleanup", "unsuccessful", "unstable", "success", "failure", "aborted", "always"]
ALL = "; ".join(f"{name} {{ sh 'echo {name}' }}" for name in CONDITIONS)


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ("sh 'true'", ["always", "success", "cleanup"]),
        ("sh 'false'", ["always", "failure", "unsuccessful", "cleanup"]),
        ("unstable 'so so'", ["always", "unstable", "unsuccessful", "cleanup"]),
    ],
)
def test_post_blocks_run_in_the_order_of_jenkins(run: Run, steps: str, seen: list[str]) -> None:
    build = run(pipeline(steps, post=ALL))

    scripts = [step["script"] for step in build.steps("sh")]
    assert [script.removeprefix("echo ") for script in scripts if "echo" in script] == seen


def test_a_post_block_that_fails_keeps_no_other_from_running(run: Run) -> None:
    others = ALL.replace("sh 'echo always'", "sh 'false'; sh 'echo x'")

    build = run(pipeline("sh 'true'", post=others))

    assert build.result == "FAILURE"
    scripts = [step["script"] for step in build.steps("sh")]
    assert "echo failure" in scripts
    assert "echo x" not in scripts
    assert "echo success" not in scripts


def test_a_timeout_ends_what_runs_with_its_children(run: Run) -> None:
    started = time.monotonic()

    limited = "options { timeout(time: 1, unit: 'SECONDS') };"
    build = run(PIPELINE % ("", limited + " steps { sh 'sleep 60 & sleep 60; touch late' }"))

    assert build.result == "ABORTED"
    assert time.monotonic() - started < 30
    assert not (build.workspace / "late").exists()


def test_the_agents_environment_is_not_there_without_an_agent(run: Run) -> None:
    build = run(
        "pipeline { agent none; stages { stage('x') { steps { sh 'true' } } }"
        "; post { failure { mail to: 'a', subject: \"${env.WAREHOUSE_ROOT}\", body: 'b' } } }"
    )

    assert build.result == "FAILURE"
    assert build.mails[0]["subject"] == "null"


def test_junit_counts_cases_and_failures_make_the_build_unstable(run: Run) -> None:
    cases = '<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"/>'
    write = f"sh '''cat >r.xml <<E\n<testsuite>{cases}</testsuite>\nE'''\n"

    build = run(pipeline(write + "junit testResults: 'r.xml'"))

    assert build.result == "UNSTABLE"
    assert [build.steps("junit")[0][key] for key in ("cases", "failures")] == [3, 1]


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ("junit testResults: 'none.xml'", "FAILURE"),
        ("junit testResults: 'none.xml', allowEmptyResults: true", "SUCCESS"),
        ("archiveArtifacts artifacts: 'none/**'", "FAILURE"),
        ("archiveArtifacts artifacts: 'none/**', allowEmptyArchive: true", "SUCCESS"),
        ("readFile 'none'", "FAILURE"),
    ],
)
def test_what_is_not_there_fails_unless_that_was_allowed(run: Run, step: str, result: str) -> None:
    assert run(pipeline(step)).result == result


def test_artifacts_are_the_files_themselves(run: Run) -> None:
    build = run(pipeline("sh 'mkdir -p a/b && echo x >a/b/c && echo y >d'\n"
                         "archiveArtifacts artifacts: 'a/**'"))  # fmt: skip

    kept = [path for path in build.artifacts.rglob("*") if path.is_file()]
    assert [str(path.relative_to(build.artifacts)) for path in kept] == ["a/b/c"]
    assert kept[0].read_text() == "x\n"


def test_a_credential_that_nobody_defined_fails_the_build(run: Run) -> None:
    build = run(pipeline("sh 'true'", rest="environment { X = credentials('no-such') };"))

    assert build.result == "FAILURE"
    assert "no-such" in build.console
