"""What each Jenkinsfile calls and how it ends, by wrappers that only write down their calls."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jobs.common.settings import PROJECT_ROOT
from tests.jenkins.conftest import SECRETS, Desk

PIPELINES = [
    PROJECT_ROOT / "Jenkinsfile",
    *sorted((PROJECT_ROOT / "jenkins").rglob("*.Jenkinsfile")),
]
DAILY = "ingest_products,ingest_countries,fact_postgres,detect_anomalies,send_mail,dw"
EVERY_4_HOURS = "ingest_transactions,fact_postgres,detect_anomalies,send_mail"
CHAINS = [("daily", DAILY), ("transactions", EVERY_4_HOURS)]
SINGLES = [(pipeline, job) for pipeline, chain in CHAINS for job in chain.split(",")]


@pytest.mark.parametrize(("pipeline", "chain"), CHAINS)
def test_what_the_timer_starts_is_one_application(desk: Desk, pipeline: str, chain: str) -> None:
    build = desk.jenkins.build(pipeline, timer=True)

    assert build.result == "SUCCESS"
    assert build.stages == ["Warehouse", "All"]
    assert desk.calls == [["run_pipeline.sh", "--only", chain, "--scheduled"]]
    assert build.mails == []


@pytest.mark.parametrize(("pipeline", "job"), SINGLES)
def test_one_stage_is_its_wrapper(desk: Desk, pipeline: str, job: str) -> None:
    build = desk.jenkins.build(pipeline, ONLY=job)

    assert build.result == "SUCCESS"
    assert len(build.stages) == 2
    assert desk.calls == [[f"run_{job}.sh"]]


@pytest.mark.parametrize(
    ("pipeline", "call"),
    [
        ("baselines", ["run_refresh_baselines.sh", "--scheduled"]),
        ("maintain", ["run_maintain.sh", "--scheduled"]),
        ("archive", ["run_archive.sh", "--scheduled"]),
        ("readiness", ["run_check_readiness.sh"]),
        ("checks", ["run_check_data.sh", "--scheduled"]),
    ],
)
def test_the_timer_starts_others_too(desk: Desk, pipeline: str, call: list[str]) -> None:
    build = desk.jenkins.build(pipeline, timer=True)

    assert build.result == "SUCCESS"
    assert desk.calls[0][0] == call[0]
    assert set(call) <= set(desk.calls[0])


@pytest.mark.parametrize(
    ("pipeline", "parameters", "call"),
    [
        ("setup", {}, ["run_setup.sh"]),
        ("setup", {"DRY_RUN": True}, ["run_setup.sh", "--dry-run"]),
        ("reset", {}, ["run_reset.sh"]),
        ("reset", {"CHECKSUM": "4f1c"}, ["run_reset.sh", "--confirm=4f1c"]),
        (
            "backfill",
            {"FROM": "2011-03-01", "TO": " 2011-03-31 "},
            ["run_backfill.sh", "--from=2011-03-01", "--to=2011-03-31"],
        ),
        (
            "baselines",
            {"MONTH": "2011-12", "RESCORE_ALL": True, "DRY_RUN": True},
            ["run_refresh_baselines.sh", "--month=2011-12", "--dry-run", "--rescore-all"],
        ),
        ("maintain", {"DRY_RUN": True}, ["run_maintain.sh", "--dry-run"]),
        ("archive", {"DRY_RUN": True}, ["run_archive.sh", "--dry-run"]),
        (
            "archive",
            {"REOPEN": "2009-03", "ACCEPT": "a sale"},
            ["run_archive.sh", "--reopen=2009-03", "--accept=a sale"],
        ),
        (
            "readiness",
            {"AT": "2011-12-09 10:00"},
            ["run_check_readiness.sh", "--at=2011-12-09 10:00"],
        ),
        ("checks", {"AT": "2011-12-09 12:00"}, ["run_check_data.sh", "--at=2011-12-09 12:00"]),
        (
            "daily",
            {"FROM": "2011-03-01", "TO": "2011-03-31", "FORCE": True, "DRY_RUN": True},
            ["run_pipeline.sh", "--only", DAILY, "--from=2011-03-01", "--to=2011-03-31",
             "--force", "--dry-run"],
        ),
        (
            "backfill",
            {"FROM": "2011-03-01", "TO": "2011-03-31", "ACCEPT": "a sale; asked `id`"},
            ["run_backfill.sh", "--from=2011-03-01", "--to=2011-03-31",
             "--accept=a sale; asked `id`"],
        ),
        (
            "transactions",
            {"ONLY": "fact_postgres", "ACCEPT": "a wholesaler"},
            ["run_fact_postgres.sh", "--accept=a wholesaler"],
        ),
        (
            "daily",
            {"ACCEPT": "a wholesaler"},
            ["run_pipeline.sh", "--only", DAILY, "--accept=a wholesaler"],
        ),
        (
            "transactions",
            {"ONLY": "ingest_transactions", "FROM": "2011-03-01", "DRY_RUN": True},
            ["run_ingest_transactions.sh", "--from=2011-03-01", "--dry-run"],
        ),
    ],
)  # fmt: skip
def test_parameters_become_arguments(
    desk: Desk, pipeline: str, parameters: dict[str, str | bool], call: list[str]
) -> None:
    build = desk.jenkins.build(pipeline, **parameters)

    assert build.result == "SUCCESS"
    assert desk.calls == [call]


def test_a_parameter_that_the_wrapper_does_not_take_is_not_passed_over(desk: Desk) -> None:
    build = desk.jenkins.build("daily", ONLY="send_mail", FROM="2011-03-01")

    assert build.result == "FAILURE"
    assert desk.calls == []
    assert "run_send_mail.sh takes no --from" in build.console


@pytest.mark.parametrize("value", ["$(touch owned)", "'; touch owned; '", "--force", "a\nb`id`"])
def test_a_parameter_never_reaches_the_shell_as_code(desk: Desk, value: str) -> None:
    desk.jenkins.build("transactions", ONLY="ingest_transactions", FROM=value)

    assert list(desk.directory.rglob("owned")) == []
    assert (
        (desk.directory / "calls")
        .read_text()
        .startswith(f"run_ingest_transactions.sh|--from={value}\n")
    )


@pytest.mark.parametrize(
    ("codes", "tries", "result"),
    [
        ([75, 0], 2, "SUCCESS"),
        ([75, 75, 0], 3, "SUCCESS"),
        ([75, 75, 75, 0], 3, "FAILURE"),
        ([1, 0], 1, "FAILURE"),
        ([2, 0], 1, "FAILURE"),
        ([3, 0], 1, "UNSTABLE"),
        ([4, 0], 1, "FAILURE"),
        ([75, 1, 0], 2, "FAILURE"),
    ],
)
def test_only_the_transient_code_is_tried_again(
    desk: Desk, codes: list[int], tries: int, result: str
) -> None:
    desk.ends_with("run_pipeline.sh", *codes)

    build = desk.jenkins.build("daily", timer=True)

    assert build.result == result
    assert desk.calls == [["run_pipeline.sh", "--only", DAILY, "--scheduled"]] * tries


def test_refused_input_is_yellow_and_says_so_without_a_mail(desk: Desk) -> None:
    desk.ends_with("run_pipeline.sh", 3)

    build = desk.jenkins.build("daily", timer=True)

    assert build.result == "UNSTABLE"
    assert build.steps("unstable")[0]["message"].startswith("run_pipeline.sh: input was refused")
    assert build.mails == []


def test_the_failure_mail_names_pipeline_stage_and_link_but_not_the_log(desk: Desk) -> None:
    desk.ends_with("run_fact_postgres.sh", 1)

    build = desk.jenkins.build("daily", ONLY="fact_postgres")

    assert build.result == "FAILURE"
    (mail,) = build.mails
    assert mail["to"] == "operators@shop.example"
    assert mail["subject"] == "daily #1: FAILURE"
    assert mail["body"].startswith("Stage: Gold\n")
    assert "http://jenkins.example/job/daily/1/" in mail["body"]
    assert "output of run_fact_postgres.sh" in build.console
    assert "output of" not in mail["body"]


def test_a_build_whose_agent_went_away_still_mails(desk: Desk) -> None:
    desk.ends_with("run_pipeline.sh", "gone")

    build = desk.jenkins.build("transactions", timer=True)

    assert build.result == "FAILURE"
    assert [mail["subject"] for mail in build.mails] == ["transactions #1: FAILURE"]
    assert "agent did not answer" in build.mails[0]["body"]


@pytest.mark.parametrize("pipeline", ["daily", "ci"])
def test_a_build_that_no_agent_takes_still_mails(desk: Desk, pipeline: str) -> None:
    desk.jenkins.labels = []

    build = desk.jenkins.build(pipeline, timer=True)

    assert build.result == "ABORTED"
    assert [mail["subject"] for mail in build.mails] == [f"{pipeline} #1: ABORTED"]
    assert desk.calls == []


def test_a_report_that_cannot_be_written_changes_nothing(desk: Desk) -> None:
    desk.ends_with("run_report.sh", 75)

    build = desk.jenkins.build("daily", timer=True)

    assert build.result == "SUCCESS"
    assert build.trace["description"] == "no report: run_report.sh ended with code 75"


def test_the_name_says_what_was_asked_for(desk: Desk) -> None:
    scheduled = desk.jenkins.build("transactions", timer=True)
    by_hand = desk.jenkins.build("daily", ONLY="dw", DRY_RUN=True)

    assert scheduled.trace["name"] == "#1 pipeline --scheduled"
    assert by_hand.trace["name"] == "#2 dw --dry-run"


def test_a_run_knows_its_build(desk: Desk) -> None:
    desk.jenkins.build("daily", timer=True)

    assert desk.environment_of("run_pipeline.sh")["WAREHOUSE_BUILD"] == "jenkins-daily-1"


LOADER = {"gold-loader-password", "smtp-password", "spark-auth-secret"}


@pytest.mark.parametrize(
    ("pipeline", "wrapper", "bound"),
    [
        ("daily", "run_pipeline.sh", LOADER),
        ("transactions", "run_pipeline.sh", LOADER),
        ("backfill", "run_backfill.sh", LOADER),
        ("checks", "run_check_data.sh", LOADER),
        ("baselines", "run_refresh_baselines.sh", {"gold-loader-password"}),
        ("maintain", "run_maintain.sh", LOADER - {"smtp-password"}),
        ("archive", "run_archive.sh", LOADER - {"smtp-password"}),
        ("readiness", "run_check_readiness.sh", {"gold-loader-password", "smtp-password"}),
        ("setup", "run_setup.sh", set(SECRETS) - {"smtp-password"}),
    ],
)
def test_a_build_gets_the_secrets_that_it_needs_and_no_more(
    desk: Desk, pipeline: str, wrapper: str, bound: set[str]
) -> None:
    parameters = {"FROM": "2011-03-01"} if pipeline == "backfill" else {}

    desk.jenkins.build(pipeline, **parameters)

    given = desk.environment_of(wrapper)
    expected = {key.upper().replace("-", "_"): SECRETS[key] for key in bound}
    assert {name: value for name, value in given.items() if value in SECRETS.values()} == expected


def test_what_a_wrapper_prints_is_masked(desk: Desk) -> None:
    desk.prints("run_pipeline.sh", "$GOLD_LOADER_PASSWORD")

    build = desk.jenkins.build("daily", timer=True)

    log = (build.artifacts / "report" / "pipeline.log").read_text()
    assert log == "****\n"
    kept = build.console + str(build.trace)
    assert [secret for secret in SECRETS.values() if secret in kept] == []


def test_a_report_of_an_earlier_build_is_not_taken_for_this_ones(desk: Desk) -> None:
    build = desk.jenkins.build("daily", timer=True)
    old = build.workspace / "report" / "checks.xml"
    old.write_text("<testsuite><testcase name='a'><failure/></testcase></testsuite>")
    (build.workspace / "notes" / "refused").write_text("old")

    again = desk.jenkins.build("daily", timer=True)

    assert again.result == "SUCCESS"
    assert again.steps("junit")[0]["cases"] == 0


def commit(desk: Desk, **files: str) -> None:
    """A repository with these files is what the ci pipeline checks out."""
    repository = desk.directory / "repository"
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q", "-b", "trunk"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    desk.jenkins.controller |= {"CI_REPOSITORY": str(repository), "CI_BRANCH": "trunk"}


def test_ci_checks_what_the_repository_has(desk: Desk) -> None:
    commit(desk, **{".ci/run": 'echo "CI is $CI"; exit 7\n'})

    build = desk.jenkins.build("ci", timer=True)

    assert build.result == "FAILURE"
    assert "CI is true" in build.console
    assert [step.get("code") for step in build.trace["steps"][:2]] == [0, 7]
    assert build.mails[0]["body"].startswith("Pipeline: ci\nStage: Checks\n")


@pytest.mark.parametrize(("code", "result"), [(1, "FAILURE"), (75, "SUCCESS")])
def test_a_known_vulnerability_fails_ci_and_not_knowing_does_not(
    desk: Desk, code: int, result: str
) -> None:
    commit(
        desk,
        **{
            ".ci/run": "true\n",
            "Makefile": ".audit/bin/pip-audit:\n\t@echo brought\n",
            "scripts/audit.sh": f"#!/bin/sh\nexit {code}\n",
        },
    )

    build = desk.jenkins.build("ci", timer=True)

    assert build.result == result
    assert "brought" in build.console


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_no_parameter_is_put_into_the_words_of_a_shell(path: Path) -> None:
    """By Groovy, that is: what a shell runs is a constant, and reads parameters as variables."""
    text = path.read_text(encoding="utf-8")

    scripts = re.findall(r"(?<![\w.])sh\b[ (]*(?:script:\s*)?(.)", text)

    assert scripts
    assert set(scripts) == {"'"}
    assert not re.search(r"\$\{?params\b", text)
