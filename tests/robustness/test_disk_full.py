"""A disk that is full while bronze is written: told as such, nothing lost, nothing half."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.bronze import ingest_transactions
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.job import exit_code_of
from jobs.common.lake import metadata_file, snapshot_id
from tests.support.rows import csv_text, line
from tests.support.warehouse import Warehouse

PAGE = 4096
SIZE = 100 * PAGE
NAME = "transactions_20250303T0800.csv"


def mount(folder: Path) -> bool:
    options = ["-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0


@pytest.fixture
def table(new_warehouse: Callable[..., Warehouse]) -> Iterator[tuple[Warehouse, Path]]:
    """An empty warehouse whose table of lines lies on a file system of its own, of 400 KiB."""
    warehouse = new_warehouse()
    place = metadata_file(warehouse.spark, TRANSACTIONS_RAW)[0]
    folder = Path(place.removeprefix("file:"))
    held = contents(folder)
    if not mount(folder):
        pytest.skip("no file system can be mounted here (it takes root, and a right to mount)")
    put_back(held)
    try:
        yield warehouse, folder
    finally:
        (folder / "ballast").unlink(missing_ok=True)
        warehouse.emptied()
        held = contents(folder)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        put_back(held)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_back(held: dict[Path, bytes]) -> None:
    for path, content in held.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def leave(folder: Path, pages: int) -> None:
    """Fill the file system but for so many pages."""
    ballast = folder / "ballast"
    ballast.unlink(missing_ok=True)
    free = os.statvfs(folder)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - pages * PAGE))


def test_each_file_of_a_commit_that_has_no_room_leaves_bronze_as_it_was(
    table: tuple[Warehouse, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    warehouse, folder = table
    content = csv_text("transactions", [line(str(number)) for number in range(20)])
    path = warehouse.deliver("transactions", NAME, content)
    codes = []
    for pages in range(0, 90, 6):
        leave(folder, pages)
        codes.append(exit_code_of(lambda: ingest_transactions.run(warehouse.context)))
        if codes[-1] == 0:
            break
        said = capfd.readouterr().err
        assert "error: there is no room left to write" in said
        assert "Traceback" not in said
        assert snapshot_id(warehouse.spark, TRANSACTIONS_RAW) is None
        assert path.read_text() == content

    assert codes == [75] * (len(codes) - 1) + [0]
    assert len(codes) > 2  # it failed at the data, and at what tells of it
    assert len(warehouse.bronze(TRANSACTIONS_RAW)) == 20
    assert warehouse.waiting("transactions") == []
    told = warehouse.gold_rows("SELECT status, message FROM ops.runs ORDER BY run_id")
    assert [row[0] for row in told] == ["failed"] * (len(codes) - 1) + ["done"]
    assert {row[1].split(":")[0] for row in told[:-1]} == {"there is no room left to write"}
