"""Errors of the system and of Spark that a person can mend are told in words, with code 75."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from jobs.common.job import exit_code_of


def fails(error: Exception) -> int:
    def call() -> None:
        raise error

    return exit_code_of(call)


@pytest.mark.parametrize(
    "text",
    [
        "An error occurred while calling o1.append.\n: x\nCaused by: No space left on device",
        "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException: The DiskSpace quota of /lake",
        "java.io.IOException: Disk quota exceeded",
    ],
)
def test_no_room_in_a_text_of_sparks(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(RuntimeError(text)) == 75
    said = capsys.readouterr().err
    assert said.startswith("error: there is no room left to write: a disk or a quota is full\n")
    assert "make room and start again" in said


def test_no_room_for_a_file_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    def call() -> None:
        Path("/dev/full").write_text("more than it holds")

    assert exit_code_of(call) == 75
    assert "Traceback" not in capsys.readouterr().err
    assert fails(OSError(errno.EDQUOT, "Disk quota exceeded", "/a/file")) == 75
    assert "where: /a/file" in capsys.readouterr().err


def test_python_that_is_killed_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Task 0 in stage 2.0 failed 4 times: SparkException: Python worker exited unexpectedly"

    assert fails(RuntimeError(text)) == 75
    said = capsys.readouterr().err
    assert said.startswith("error: Python processes that worked for Spark were killed, again")
    assert "see whether memory ran out there" in said


@pytest.mark.parametrize(
    "text",
    [
        "CommitStateUnknownException: SQL is not operational\nCannot determine whether",
        "Caused by: org.apache.thrift.transport.TTransportException: Cannot write to null",
        "Lost task 0.0: psycopg2.OperationalError: server closed the connection unexpectedly",
        "Call From driver to namenode:8020 failed: java.net.ConnectException",
    ],
)
def test_a_service_that_went_away_is_to_be_tried_again(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails(RuntimeError(text)) == 75
    assert "Traceback" not in capsys.readouterr().err


def test_other_errors_are_defects(capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(OSError(errno.EACCES, "Permission denied", "/a/file")) == 1
    assert "Traceback" in capsys.readouterr().err
