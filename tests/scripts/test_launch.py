"""The launcher: what a job gets, what stays off command lines, what it refuses."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.spark import spark_home
from jobs import launch
from jobs.common.settings import Settings, load_settings
from tests.scripts.runner import ROOT


@pytest.fixture
def settings(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("WAREHOUSE_HOME", str(warehouse))
    return load_settings()


def run_launch(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobs.launch", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "WAREHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_secret_is_on_the_command_line(settings: Settings) -> None:
    command = " ".join(launch.submit_command(settings, ROOT / "jobs" / "x.py"))

    properties = settings.home / "conf" / "spark-defaults.conf"
    secret = settings.metastore_db_password.get_secret_value()
    assert secret not in command
    assert secret in properties.read_text()
    assert stat.S_IMODE(properties.stat().st_mode) == 0o600


def test_properties_survive_backslashes_and_newlines() -> None:
    assert launch.as_properties({"b": "x\\y\nz", "a": "1 = 2"}) == "a=1 = 2\nb=x\\\\y\\nz\n"


def test_a_job_finds_the_project_and_its_home_and_keeps_its_exit_code(
    settings: Settings, tmp_path: Path
) -> None:
    job = tmp_path / "job.py"
    job.write_text(
        "import os, sys\n"
        "from jobs.common.settings import load_settings\n"
        "print(load_settings().home, os.environ['TZ'], oct(os.umask(0)), sys.argv[1:])\n"
        "sys.exit(4)\n"
    )

    done = run_launch(settings.home, "--no-spark", str(job), "a b", "--dry-run")

    assert done.returncode == 4
    assert done.stdout == f"{settings.home} UTC 0o77 ['a b', '--dry-run']\n"


def test_before_set_up_it_says_what_to_run(tmp_path: Path) -> None:
    done = run_launch(tmp_path / "none", "--no-spark", "jobs/setup.py")

    assert done.returncode == 2
    assert "run_setup.sh" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_job_that_does_not_exist_is_a_usage_error(warehouse: Path) -> None:
    assert run_launch(warehouse, "jobs/gold/nothing.py").returncode == 2


def test_without_a_job_it_shows_its_usage(warehouse: Path) -> None:
    done = run_launch(warehouse)

    assert done.returncode == 2
    assert "python -m jobs.launch" in done.stderr


def waiting(settings: Settings, megabytes: int) -> None:
    file = Path(settings.landing.removeprefix("file://")) / "products" / "products_20110101.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.truncate(megabytes << 20)


@pytest.mark.parametrize(
    ("megabytes", "setting", "mode", "quick"),
    [
        (1, "auto", "local[2]", True),
        (200, "auto", "local[2]", False),
        (200, "auto", "spark://master:7077", True),
        (200, "always", "local[2]", True),
        (1, "never", "local[2]", False),
    ],
)
def test_a_driver_with_little_to_do_is_not_optimised(
    settings: Settings, megabytes: int, setting: str, mode: str, quick: bool, tmp_path: Path
) -> None:
    ours = settings.model_copy(
        update={
            "landing_uri": f"file://{tmp_path}/landing",
            "spark_quick_compiler": setting,
            "spark_master": mode,
        }
    )
    waiting(ours, megabytes)

    assert (launch.QUICK_COMPILER in launch.start_options(ours)) == quick


@pytest.mark.parametrize(("mode", "ours"), [("local[2]", True), ("spark://master:7077", False)])
def test_a_driver_that_works_collects_in_parallel(
    settings: Settings, mode: str, ours: bool
) -> None:
    driver = settings.model_copy(update={"spark_master": mode})

    assert (launch.COLLECTOR in launch.start_options(driver)) == ours


@pytest.mark.parametrize(
    ("megabytes", "mode", "whole"),
    [(1, "local[2]", False), (20, "local[2]", True), (20, "spark://master:7077", False)],
)
def test_the_heap_of_a_driver_that_works_begins_whole(
    settings: Settings, megabytes: int, mode: str, whole: bool, tmp_path: Path
) -> None:
    landing = f"file://{tmp_path}/landing"
    driver = settings.model_copy(update={"spark_master": mode, "landing_uri": landing})
    waiting(driver, megabytes)

    assert (f"-Xms{driver.spark_driver_memory}" in launch.start_options(driver)) == whole


@pytest.mark.parametrize("hooked", [True, False])
def test_pyspark_is_imported_as_bytecode_where_spark_puts_its_sources_first(
    settings: Settings, hooked: bool
) -> None:
    archives = (spark_home() / "python" / "lib").glob("*.zip")
    paths = launch.spark_environment(settings)["PYTHONPATH"] if hooked else ""

    asked = subprocess.run(
        [sys.executable, "-c", "import py4j, pyspark; print(py4j.__file__, pyspark.__file__)"],
        env={"PYTHONPATH": ":".join([*map(str, archives), paths])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (".zip" in asked.stdout) != hooked


def test_without_the_archive_nothing_names_it(settings: Settings) -> None:
    ours = settings.model_copy(update={"spark_class_archive": False})

    assert "SharedArchiveFile" not in launch.start_options(ours)
