"""Settings and what is written from them, from contracts and from migrations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from jobs.common.db import sql_dir
from jobs.common.errors import UsageError
from jobs.common.lake import INIT_SQL, init_sql
from jobs.common.migrate import migrate, migrations
from jobs.common.settings import PROJECT_ROOT, Settings, load_settings
from tests.support.databases import query

EXAMPLE = PROJECT_ROOT / ".env.example"
SECRETS = [name for name, f in Settings.model_fields.items() if f.annotation is SecretStr]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without a setting."""
    monkeypatch.delenv("WAREHOUSE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_names_every_setting_before_those_of_the_services() -> None:
    names = [name.upper() for name in Settings.model_fields]

    assert list(dotenv_values(EXAMPLE))[: len(names)] == names


def test_the_example_holds_the_defaults(bare: Path) -> None:
    assert Settings(_env_file=EXAMPLE) == Settings()  # type: ignore[call-arg]


def test_the_example_holds_no_secret() -> None:
    given = dotenv_values(EXAMPLE)

    assert [name for name in SECRETS if given[name.upper()]] == []


def test_the_stronger_place_wins(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = bare / "home"
    home.mkdir()
    (bare / ".env").write_text("WAREHOUSE_HOME=home\nGOLD_PORT=1\nSMTP_PORT=1\nGOLD_DB=one\n")
    (home / "embedded.env").write_text("GOLD_PORT=2\nSMTP_PORT=2\n")
    monkeypatch.setenv("SMTP_PORT", "3")

    found = load_settings()

    assert (found.gold_db, found.gold_port, found.smtp_port) == ("one", 2, 3)
    assert found.warehouse_home == home
    assert found.landing == f"file://{home}/landing"


def test_without_anything_the_home_is_below_the_working_directory(bare: Path) -> None:
    assert load_settings().warehouse_home == bare / ".warehouse"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GOLD_PORT", "hunter2"),
        ("SMTP_SECURITY", "hunter2"),
        ("PRODUCTS_MISSING", "hunter2"),
        ("ANOMALY_BASELINE", "hunter2"),
        ("ANOMALY_K", "0"),
        ("ANOMALY_MIN_LINES", "1"),
        ("PRODUCTS_MAX_SHRINK", "1.5"),
        ("LOCK_WAIT_SECONDS", "-1"),
        ("SPARK_SHUFFLE_PARTITIONS", "0"),
        ("WAREHOUSE_MODE", "hunter2"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_but_not_shown(
    bare: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(UsageError) as refused:
        load_settings()

    assert refused.value.exit_code == 2
    assert f"{variable}: " in str(refused.value)
    assert "hunter2" not in str(refused.value)
    # nor in what a traceback would print
    assert refused.value.__suppress_context__


def test_all_that_is_wrong_is_told_at_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".env").write_text("GOLD_PORT=x\nANOMALY_K=-1\n")

    with pytest.raises(UsageError, match=r"GOLD_PORT: .*; ANOMALY_K: "):
        load_settings()


def test_passwords_are_secrets_and_masked(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(SECRETS):
        monkeypatch.setenv(name.upper(), f"hunter{number}")

    found = load_settings()

    assert [n for n in Settings.model_fields if "password" in n or "secret" in n] == SECRETS
    assert found.gold_loader_password.get_secret_value().startswith("hunter")
    for shown in (repr(found), str(found), found.model_dump_json(), repr(found.model_dump())):
        assert "hunter" not in shown


def test_recipients_are_a_list(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TO", " a@b.example, c@d.example ,")

    assert load_settings().recipients == ["a@b.example", "c@d.example"]


def test_the_lakes_ddl_is_what_the_contracts_say() -> None:
    assert INIT_SQL.read_text(encoding="utf-8") == init_sql(), "python -m jobs.common.lake"


def test_migrations_are_numbered_without_a_gap() -> None:
    found = migrations(sql_dir() / "migrations")

    assert [m.version for m in found] == list(range(1, len(found) + 1))


def test_a_migration_opens_with_its_purpose_and_who_runs_it() -> None:
    for migration in migrations(sql_dir() / "migrations"):
        assert re.match(r"-- Purpose: .+(\n--.*)*\n-- Run by: ", migration.content), migration.name


def test_a_new_gold_has_all_migrations_and_again_applies_none(
    new_gold: Callable[[], Settings],
) -> None:
    settings = new_gold()

    assert migrate(settings) == []
    ledger = "SELECT version, name, sha256 FROM ops.schema_migrations ORDER BY 1"
    assert query(settings, ledger) == [
        (m.version, m.name, m.sha256) for m in migrations(sql_dir() / "migrations")
    ]
