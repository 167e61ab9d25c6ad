"""The archive of Spark's classes: made once, mapped by drivers, harmless when it does not fit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from embedded import class_archive as files
from embedded.java import java_home
from jobs import class_archive
from jobs.common.settings import Settings, load_settings
from jobs.launch import base_environment, spark_environment, submit_command
from tests.scripts.runner import ROOT

pytestmark = [pytest.mark.spark, pytest.mark.slow]
JOB = """\
from jobs.common.session import get_session
spark = get_session("job")
print("databases:", spark.sql("SHOW DATABASES").count())
spark.stop()
"""


@pytest.fixture
def settings(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("WAREHOUSE_HOME", str(warehouse))
    return load_settings()


def run_job(settings: Settings, job: Path, options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"} | base_environment(settings)
    return subprocess.run(
        submit_command(settings, job, options),
        cwd=ROOT,
        env=environment | spark_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def mapped(log: Path) -> int:
    return log.read_text().count("shared objects file (top)")


def test_set_up_makes_it_and_a_driver_maps_it(settings: Settings, tmp_path: Path) -> None:
    job, log = tmp_path / "job.py", tmp_path / "classes.log"
    job.write_text(JOB)
    class_archive.make(settings)

    assert class_archive.make(settings) == "there"
    options = files.java_options()
    done = run_job(settings, job, f"{options} -Xlog:class+load:file={log}")

    assert done.stdout.startswith("databases: "), done.stderr
    assert done.stdout.count("\n") == 1  # Java has nothing to remark
    assert mapped(log) > 5_000


def test_an_archive_of_other_jars_is_passed_over_in_silence(
    settings: Settings, tmp_path: Path
) -> None:
    class_archive.make(settings)
    path = files.archive()
    assert path is not None

    done = subprocess.run(
        [
            *(str(java_home() / "bin" / "java"), f"-XX:SharedArchiveFile={path}"),
            *(*files.QUIET.split(), "-cp", str(tmp_path), "-version"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert done.stdout == ""
    assert "warning" not in done.stderr


def test_a_torn_archive_is_none(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, torn = files.name_of(3), files.name_of(5)
    monkeypatch.setattr(files, "JARS", tmp_path)
    (tmp_path / torn).write_bytes(b"abc")

    assert files.archive() is None
    (tmp_path / whole).write_bytes(b"abc")
    assert files.archive() == tmp_path / whole


def test_a_training_that_fails_leaves_nothing_behind(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no training today')\n")
    (tmp_path / "jars").mkdir()
    monkeypatch.setattr(class_archive, "TRAINING", broken)
    monkeypatch.setattr(class_archive, "JARS", tmp_path / "jars")
    monkeypatch.setattr(files, "JARS", tmp_path / "jars")

    assert "no training today" in class_archive.make(settings)
    assert list((tmp_path / "jars").iterdir()) == []
