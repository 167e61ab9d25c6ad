"""Wherever files are parsed, and on whatever file system they lie, the rows are the same."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.bronze import reading
from jobs.bronze.layouts import TRANSACTIONS
from jobs.bronze.reading import Reading, as_they_are, shares
from jobs.common import filesystem, landing
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.landing import Landing, LandingFile
from tests.support.rows import HEADERS, csv_text, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2025, 3, 3, tzinfo=UTC)


@pytest.fixture(params=["a path", "any file system"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files of this machine, or the same as if Hadoop alone could reach them."""
    if request.param != "a path":
        for module in (filesystem, landing, reading):
            monkeypatch.setattr(module, "is_local", lambda _: False)
    return str(request.param)


@pytest.fixture
def place(spark: SparkSession, tmp_path: Path, kind: str) -> Landing:
    """Five transaction logs, one with a bad line."""
    folder = tmp_path / "a landing" / "transactions"
    folder.mkdir(parents=True)
    for number in range(5):
        rows = [line(f"{number}-{n}", quantity=n) for n in range(3)]
        name = f"transactions_{START + timedelta(hours=4 * number):%Y%m%dT%H%M}.csv"
        (folder / name).write_text(csv_text("transactions", rows))
    return Landing(spark, f"file://{tmp_path}/a landing", "transactions")


def rows_of(spark: SparkSession, files: list[LandingFile]) -> list[tuple[Any, ...]]:
    found = Reading(spark, files, TRANSACTIONS, 7).collect(as_they_are, TRANSACTIONS_RAW.schema)
    wanted = found.select(["invoice_no", "quantity", "source_file", "source_line", "file_sha256"])
    return sorted(tuple(row.values()) for row in wanted.to_pylist())


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["by tasks", "by the driver"])
def test_files_are_read_wherever_it_is_done(
    spark: SparkSession, place: Landing, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    files, _ = place.waiting()
    expected = []
    for number, file in enumerate(files):
        content = Path(file.uri.removeprefix("file://")).read_bytes()
        sha = hashlib.sha256(content).hexdigest()
        expected += [(f"{number}-{n}", n or None, file.name, n + 2, sha) for n in range(3)]
    assert {file.head for file in files} == {",".join(HEADERS["transactions"]).encode()}
    assert rows_of(spark, files) == expected


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["by tasks", "by the driver"])
def test_files_without_a_record_do_not_hide_those_after_them(
    spark: SparkSession, place: Landing, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    files, _ = place.waiting()
    header = ",".join(f'"{name}"' for name in HEADERS["transactions"])  # read record by record
    for file in files[:3]:
        Path(file.uri.removeprefix("file://")).write_text(f"{header}\n")
    files, _ = place.waiting()
    assert {row[2] for row in rows_of(spark, files)} == {file.name for file in files[3:]}


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["by tasks", "by the driver"])
def test_a_file_that_is_not_the_one_that_was_hashed_fails(
    spark: SparkSession, place: Landing, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL_BYTES", small)
    files, _ = place.waiting()
    Path(files[2].uri.removeprefix("file://")).write_text(csv_text("transactions", [line("x")]))
    with pytest.raises(Exception, match=f"{files[2].name} changed while it was read"):
        rows_of(spark, files)


def test_files_go_to_done_and_one_whose_name_is_taken_under_one_with_its_hash(
    place: Landing, tmp_path: Path
) -> None:
    files, _ = place.waiting()
    done = tmp_path / "a landing" / "done" / "transactions"
    done.mkdir(parents=True)
    if isinstance(place._files, filesystem.LocalFiles):  # Hadoop's own local one renames onto it
        (done / files[0].name).write_text("of another day")
    place.done(files)
    assert place.waiting() == ([], [])
    names = {file.name for file in files}
    if isinstance(place._files, filesystem.LocalFiles):
        names.add(f"{files[0].name}.{files[0].sha256[:12]}")
    assert {path.name for path in done.iterdir()} >= names


def file_of(number: int, size: int) -> LandingFile:
    return LandingFile(f"{number}", f"file:/{number}", size, START + timedelta(hours=4 * number))


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1, 1], [100, 1, 1, 1], [1, 1, 100], [3] * 99])
@pytest.mark.parametrize("least", [1, 2, 8])
def test_a_share_is_of_neighbours_and_every_file_is_in_one(sizes: list[int], least: int) -> None:
    files = [file_of(number, size) for number, size in enumerate(sizes)]
    found = shares(files, least)
    assert [file for share in found for file in share] == files
    assert all(found)
    assert len(found) <= max(least, 1)


def test_shares_are_of_about_as_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHARE_BYTES", 100)
    found = shares([file_of(number, 10) for number in range(100)], 2)
    assert [sum(file.size for file in share) for share in found] == [100] * 10
