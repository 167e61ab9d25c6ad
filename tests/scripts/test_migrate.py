"""Migrations: once, in order, whole, and never changed afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from jobs.common.db import connect, sql_dir
from jobs.common.errors import TransientError, UsageError
from jobs.common.migrate import migrate
from jobs.common.settings import Settings, load_settings


@pytest.fixture
def settings(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("WAREHOUSE_HOME", str(warehouse))
    return load_settings()


@pytest.fixture
def files(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """The real migrations, to which a test adds its own."""
    directory = tmp_path / "migrations"
    shutil.copytree(sql_dir() / "migrations", directory)
    yield directory
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute("DELETE FROM ops.schema_migrations WHERE version >= 900")
        cur.execute("DROP TABLE IF EXISTS public.trial")


def exists(settings: Settings, table: str) -> bool:
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
        return cur.fetchone() == (True,)


def test_new_files_are_applied_once_in_order(settings: Settings, files: Path) -> None:
    (files / "902_more.sql").write_text("ALTER TABLE trial ADD y int DEFAULT 5 % 3;")
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int);")

    assert migrate(settings, files) == ["901_trial.sql", "902_more.sql"]
    assert migrate(settings, files) == []


def test_a_failing_file_leaves_nothing(settings: Settings, files: Path) -> None:
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int); SELECT 1 / 0;")

    with pytest.raises(UsageError, match="division by zero"):
        migrate(settings, files)

    assert not exists(settings, "public.trial")
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int);")
    assert migrate(settings, files) == ["901_trial.sql"]


def test_a_postgres_that_goes_away_is_not_the_files_fault(settings: Settings, files: Path) -> None:
    (files / "901_trial.sql").write_text(
        "CREATE TABLE trial (x int); SELECT pg_terminate_backend(pg_backend_pid());"
    )

    with pytest.raises(TransientError, match="did not finish a migration"):
        migrate(settings, files)

    assert not exists(settings, "public.trial")


def test_a_file_that_changed_after_it_was_applied_is_refused(
    settings: Settings, files: Path
) -> None:
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int);")
    migrate(settings, files)
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x bigint);")

    with pytest.raises(UsageError, match="changed after it had been applied") as refusal:
        migrate(settings, files)

    assert refusal.value.where == str(files / "901_trial.sql")


def test_a_database_that_is_ahead_of_the_checkout_is_refused(
    settings: Settings, files: Path
) -> None:
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int);")
    migrate(settings, files)
    (files / "901_trial.sql").unlink()

    with pytest.raises(UsageError, match=r"lacks: \[901\]"):
        migrate(settings, files)


@pytest.mark.parametrize("name", ["1_short.sql", "001_again.sql", "notes.sql"])
def test_an_odd_name_is_refused(settings: Settings, files: Path, name: str) -> None:
    (files / name).write_text("SELECT 1;")

    with pytest.raises(UsageError, match="NNN_name"):
        migrate(settings, files)


def test_two_at_once_apply_a_file_once(settings: Settings, files: Path) -> None:
    (files / "901_trial.sql").write_text("CREATE TABLE trial (x int); SELECT pg_sleep(0.3);")

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: migrate(settings, files), range(2)))

    assert sorted(outcomes) == [[], ["901_trial.sql"]]
