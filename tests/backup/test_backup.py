"""A backup: what is in it, when it is refused, and that it waits for loads."""

from __future__ import annotations

import ast
import json
import stat
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from embedded.postgres import binaries
from jobs.backup import gold, make_backup
from jobs.common.errors import AlreadyRunning, UsageError
from jobs.common.runlog import RESOURCES, run_context
from jobs.common.settings import PROJECT_ROOT, Settings
from tests.support.databases import query
from tests.support.warehouse import Warehouse


def files_of(backup: Path) -> dict[str, int]:
    found = {str(p.relative_to(backup)): p.stat().st_size for p in backup.rglob("*") if p.is_file()}
    del found["manifest.json"]
    return found


def passwords(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in Settings.model_fields)
    return [v.get_secret_value() for v in values if isinstance(v, SecretStr) and v]


def test_the_manifest_lists_exactly_the_files_that_are_there(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())

    assert {name: file["size"] for name, file in manifest["files"].items()} == files_of(backup)


def test_landing_comes_along_with_what_was_done_refused_and_waits(backup: Path) -> None:
    landing = {name for name in files_of(backup) if name.startswith("landing/")}

    assert landing == {
        "landing/done/countries/countries_20250301.csv",
        "landing/done/products/products_20250301.csv",
        "landing/done/products/products_20250303.csv",
        "landing/done/transactions/transactions_20250303T0800.csv",
        "landing/rejected/products/products_20250302.csv",
        "landing/transactions/odd name.txt",
    }


def test_files_that_are_still_written_are_left_out(loaded: Warehouse, tmp_path: Path) -> None:
    arriving = loaded.landing / "transactions" / "transactions_20250305T0800.csv.part"
    arriving.write_text("half")

    make_backup.run(loaded.context, str(tmp_path / "backup"))
    arriving.unlink()

    assert not [name for name in files_of(tmp_path / "backup") if name.endswith(".part")]


def test_counts_are_those_of_gold(backup: Path) -> None:
    counts = json.loads((backup / "manifest.json").read_text())["counts"]

    assert counts["public.fact_transactions"] == 2
    assert counts["public.transactions_error"] == 1
    assert counts["public.dim_products"] == 3
    assert counts["ops.loaded_files"] == 1


def test_it_is_for_its_owner_alone(backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700


def test_no_password_is_in_any_file(loaded: Warehouse, backup: Path) -> None:
    dump = subprocess.run(
        [binaries() / "pg_restore", "--file=-", backup / "gold.dump"],
        capture_output=True,
        check=True,
    ).stdout
    content = [
        dump,
        *(backup.joinpath(n).read_bytes() for n in [*files_of(backup), "manifest.json"]),
    ]

    found = [p for p in passwords(loaded.settings) if any(p.encode() in text for text in content)]
    assert len(passwords(loaded.settings)) >= 7
    assert found == []
    # What gold holds comes along: the docs say so.
    ((key,),) = query(loaded.settings, "SELECT encode(secret, 'hex') FROM ops.signing_key")
    assert key.encode() in dump


def test_a_directory_with_something_in_it_is_refused(loaded: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(UsageError, match="not empty"):
        make_backup.run(loaded.context, str(tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_backup_is_made_while_a_run_is_under_way(
    loaded: Warehouse, tmp_path: Path, resource: str
) -> None:
    with run_context(loaded.settings, "a_load", (resource,)):
        with pytest.raises(AlreadyRunning, match=f"'{resource}' is in use by run"):
            make_backup.run(loaded.context, str(tmp_path / "backup"))

    assert not (tmp_path / "backup").exists()


def test_a_scheduled_one_waits_for_the_run_to_end(loaded: Warehouse, tmp_path: Path) -> None:
    patient = loaded.settings.model_copy(update={"lock_wait_seconds": 60})
    context = replace(loaded.context, settings=patient, trigger="schedule")
    ended = threading.Event()

    def load() -> None:
        with run_context(loaded.settings, "a_load", ("gold",)):
            started.set()
            ended.wait(2)
            left.append(not (tmp_path / "backup").exists())

    started, left = threading.Event(), []
    thread = threading.Thread(target=load)
    thread.start()
    started.wait()
    make_backup.run(context, str(tmp_path / "backup"))
    thread.join()

    assert left == [True]
    assert (tmp_path / "backup" / "manifest.json").exists()


def test_every_lock_of_every_job_is_known() -> None:
    named = set()
    for path in (PROJECT_ROOT / "jobs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LOCKS":
                named |= {c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant)}

    assert named == set(RESOURCES)


def test_a_program_older_than_the_server_is_not_used() -> None:
    with pytest.raises(UsageError, match="postgresql-client-99"):
        gold.program("pg_dump", 99)
