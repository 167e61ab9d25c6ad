"""A file of landing gets other bytes: on this machine, and through Hadoop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.common.filesystem import FileSystem, HadoopFiles, LocalFiles

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(params=["local", "hadoop"])
def files(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> FileSystem:
    return LocalFiles() if request.param == "local" else HadoopFiles(spark, tmp_path.as_uri())


def test_a_file_is_replaced_whole_and_keeps_its_time(files: FileSystem, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old \xff\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert files.read(path.as_uri()) == b"old \xff\n"

    files.replace(path.as_uri(), b"new \x00\xfe\n")

    assert path.read_bytes() == files.read(path.as_uri()) == b"new \x00\xfe\n"
    assert path.stat().st_mtime == 1_700_000_000
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".crc")] == ["a.csv"]
