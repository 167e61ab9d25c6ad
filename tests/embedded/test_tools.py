"""What Python packages cannot bring: Java and Spark's extra jars."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from embedded import jars, java
from jobs.common.errors import UsageError


def fake_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    return home


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Java anywhere but below the returned directory."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "WHERE_TO_LOOK", (tmp_path,))
    monkeypatch.setattr(java.shutil, "which", lambda _: None)
    return tmp_path


@pytest.mark.parametrize("version", ["17.0.15", "21"])
def test_a_fitting_java_is_found_beside_others(empty_machine: Path, version: str) -> None:
    fake_java(empty_machine / "a-25", "25.0.1")
    wanted = fake_java(empty_machine / "b", version)

    assert java.java_home() == wanted


@pytest.mark.usefixtures("empty_machine")
def test_without_a_java_it_says_what_to_type() -> None:
    with pytest.raises(UsageError, match="apt-get install openjdk-17"):
        java.java_home()


def test_java_home_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = fake_java(tmp_path / "mine", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(wanted))

    assert java.java_home() == wanted


def test_an_unfit_java_home_is_an_error_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "1.8.0_402")))

    with pytest.raises(UsageError, match="JAVA_HOME names Java 1"):
        java.java_home()


def pinned(directory: Path, content: bytes) -> tuple[Path, Path]:
    digest = hashlib.sha256(content).hexdigest()
    pins = directory / "jars.txt"
    pins.write_text(f"# a comment\n{digest}  org.example:thing_2.13:1.0\n")
    return pins, directory


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    there = pinned(tmp_path, b"jar")
    (tmp_path / "org.example_thing_2.13-1.0.jar").write_bytes(b"jar")

    assert jars.fetch(*there) is False
    assert jars.jar("thing", *there).read_bytes() == b"jar"


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    there = pinned(tmp_path, b"jar")
    (tmp_path / "org.example_thing_2.13-1.0.jar").write_bytes(b"another")

    with pytest.raises(UsageError, match="not the pinned"):
        jars.fetch(*there)
