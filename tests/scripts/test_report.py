"""The report on a build: what Jenkins shows of its runs and their checks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml, TestCase

from jobs import report
from jobs.common import checks
from jobs.common.checks import Check
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.job import JobContext
from jobs.common.runlog import run_context
from jobs.common.settings import Settings
from tests.scripts.runner import run, sql

GOOD = Check("every_line_accounted_for", "fail", True, "5", "5")


class Builds:
    """Runs of one build, and its report."""

    def __init__(self, settings: Settings, name: str, out: Path) -> None:
        self.settings = settings.model_copy(update={"warehouse_build": name})
        self.name, self.out = name, out

    def run(self, job: str, *found: Check, fails: str = "", **counts: Any) -> int:
        """A run with checks and counts; it fails when there are words for it."""
        try:
            with run_context(self.settings, job, ()) as this:
                this.counts |= counts
                with this.conn, this.conn.cursor() as cur:
                    checks.record(cur, this, list(found))
                if fails:
                    raise WarehouseError(fails)
        except WarehouseError:
            pass
        return this.run_id

    def report(self, **given: Any) -> str:
        """The line of `summary.txt`."""
        wanted = {"build": self.name, "run_id": None, **given}
        report.run(JobContext(self.settings), out=self.out, **wanted)
        return (self.out / "summary.txt").read_text(encoding="utf-8")

    def cases(self) -> dict[str, TestCase]:
        """The cases of `checks.xml`, as another program reads them."""
        suites = JUnitXml.fromfile(str(self.out / "checks.xml"))
        found = [case for suite in suites for case in suite]
        return {f"{case.classname}.{case.name}": case for case in found}

    def failures(self) -> dict[str, tuple[str, str]]:
        """Type and message of the cases that failed."""
        return {
            name: (case.result[0].type, case.result[0].message)
            for name, case in self.cases().items()
            if not case.is_passed
        }


@pytest.fixture
def build(gold_settings: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Builds:
    return Builds(gold_settings, f"jenkins-{request.node.name}", tmp_path / "new" / "out")


def test_the_summary_says_what_a_build_brought(build: Builds) -> None:
    build.run("ingest_products", versions_changed=1, refused_files=0)
    build.run("fact_postgres", rows_in=41203, error=1, moved_to_error=1, restated=7)
    build.run("detect_anomalies", newly_flagged=5)

    assert build.report() == (
        "41,203 lines · 2 errors · 5 anomalies · 7 lines restated · 1 price version changed\n"
    )


def test_one_of_a_kind_is_singular(build: Builds) -> None:
    build.run("fact_postgres", rows_in=1, error=1)
    build.run("detect_anomalies", newly_flagged=1)

    assert build.report() == "1 line · 1 error · 1 anomaly\n"


def test_a_build_that_found_nothing_says_so(build: Builds) -> None:
    build.run("fact_postgres", rows_in=0, loaded=0)
    build.run("refresh_baselines", newly_flagged=9, dry_run=True)

    assert build.report() == "nothing new\n"


def test_a_build_without_runs_still_has_its_files(build: Builds) -> None:
    assert build.report() == "no run began\n"
    assert build.cases() == {}
    assert json.loads((build.out / "report.json").read_text())["runs"] == []


def test_only_the_builds_own_runs_are_told(build: Builds) -> None:
    other = Builds(build.settings, "jenkins-other", build.out)
    other.run("dw", months=1)
    mine = build.run("fact_postgres", GOOD, rows_in=3)

    build.report()

    told = json.loads((build.out / "report.json").read_text())
    assert [(r["run_id"], r["job"], r["counts"]) for r in told["runs"]] == [
        (mine, "fact_postgres", {"rows_in": 3})
    ]
    assert told["runs"][0]["checks"] == [
        {
            "check_name": "every_line_accounted_for",
            "severity": "fail",
            "passed": True,
            "observed": "5",
            "expected": "5",
        }
    ]
    assert set(build.cases()) == {"fact_postgres.run", "fact_postgres.every_line_accounted_for"}


def test_one_run_can_be_told_by_its_number(build: Builds) -> None:
    build.run("fact_postgres", rows_in=3)
    second = build.run("fact_postgres", rows_in=4)

    assert build.report(build=None, run_id=second).startswith("4 lines")


@pytest.mark.parametrize("named", [{"build": None}, {"run_id": 1}])
def test_neither_or_both_names_are_refused(build: Builds, named: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--build and --run"):
        build.report(**named)


def test_what_failed_is_a_failing_case_of_its_kind(build: Builds) -> None:
    build.run("ingest_products", Check("files_accepted", "warn", False, "p.csv: empty", "none"))
    number = build.run(
        "fact_postgres", Check("staged_all_of_bronze", "fail", False, "1", "2"), fails="a check"
    )

    assert build.report() == "fact_postgres failed\n"
    assert build.failures() == {
        "ingest_products.files_accepted": ("warn", "p.csv: empty instead of none"),
        "fact_postgres.staged_all_of_bronze": ("fail", "1 instead of 2"),
        "fact_postgres.run": ("failed", f"run {number} failed: a check"),
    }
    assert build.cases()["ingest_products.run"].is_passed


def test_a_job_that_was_tried_again_counts_by_its_last_run(build: Builds) -> None:
    build.run("fact_postgres", fails="no answer")
    build.run("fact_postgres", rows_in=5)

    assert build.report() == "5 lines · 0 errors · 0 anomalies\n"
    assert build.failures() == {}


def test_a_refusal_is_told_though_a_later_run_refused_nothing(build: Builds) -> None:
    for passed, seen in ((False, "bad.csv: no header"), (True, "none refused")):
        build.run("ingest_countries", Check("files_accepted", "warn", passed, seen, "none"))

    build.report()

    assert set(build.failures()) == {"ingest_countries.files_accepted"}


def test_characters_that_xml_forbids_do_not_spoil_the_file(build: Builds) -> None:
    build.run("ingest_products", fails='<b>&\x01\x1b[31m\ufffe ]]> é 🎁\nwhere: "here"')

    build.report()

    ((kind, message),) = build.failures().values()
    assert kind == "failed"
    assert message.endswith("failed: <b>&\\x01\\x1b[31m\\xfffe ]]> é 🎁")


def test_a_password_in_a_message_is_masked(build: Builds) -> None:
    secret = build.settings.gold_loader_password.get_secret_value()
    build.run("dw", Check("x", "fail", False, secret, "none"), fails=f"cannot log in: {secret}")

    build.report()

    files = {path.name: path.read_text(encoding="utf-8") for path in build.out.iterdir()}
    assert set(files) == {"report.json", "checks.xml", "summary.txt"}
    assert [name for name, text in files.items() if secret in text] == []
    assert "cannot log in: ***" in files["checks.xml"]


def test_a_directory_that_cannot_be_made_is_a_usage_error(build: Builds) -> None:
    build.out.parent.mkdir(parents=True)
    build.out.write_text("a file")

    with pytest.raises(UsageError, match="cannot be written"):
        build.report()


def test_a_run_that_died_is_a_failing_case(build: Builds) -> None:
    number = build.run("fact_postgres")
    row = {"status": "died", "ended_at": None, "message": "the process ended without a word"}
    context = JobContext(build.settings)
    found = report.run(context, build.name, None, build.out)

    cases = report.cases(replace(found, runs=[found.runs[0] | row]))

    assert [(case.failed, case.message) for case in cases] == [
        ("died", f"run {number} died: the process ended without a word")
    ]


def test_the_wrapper_reports_on_the_build_of_the_environment(
    warehouse: Path, tmp_path: Path
) -> None:
    done = run("run_detect_anomalies.sh", home=warehouse, WAREHOUSE_BUILD="jenkins-x-1")
    assert done.returncode == 0, done.stderr

    told = run("run_report.sh", "--build", "jenkins-x-1", "--out", str(tmp_path), home=warehouse)

    assert (told.returncode, told.stderr, told.stdout) == (0, "", "nothing new\n")
    assert sql(warehouse, "SELECT job, build FROM ops.v_runs WHERE build IS NOT NULL").stdout == (
        "detect_anomalies\tjenkins-x-1\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.json",
        "checks.xml",
        "summary.txt",
    }


def test_the_wrapper_wants_to_know_which_build(warehouse: Path, tmp_path: Path) -> None:
    told = run("run_report.sh", "--out", str(tmp_path), home=warehouse)

    assert told.returncode == 2
    assert "name one of --build and --run" in told.stderr
