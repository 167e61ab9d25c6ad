"""Settings that would let someone in are refused; how databases are named."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from dotenv import dotenv_values

from cluster.settings import load_service_settings
from jobs.common.addresses import is_loopback, jdbc_url, metastore_dsn
from jobs.common.db import dsn
from jobs.common.errors import UsageError
from jobs.common.guards import SECRET_NAME, is_sample
from jobs.common.settings import PROJECT_ROOT, Settings, load_settings

DATABASES = ("GOLD", "METASTORE_DB")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without a setting."""
    monkeypatch.delenv("WAREHOUSE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal() -> str:
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o777])
def test_an_env_file_with_a_password_is_its_owners_alone(bare: Path, mode: int) -> None:
    (bare / ".env").write_text("GOLD_LOADER_PASSWORD=h7Gd9-kkQ2\n")
    (bare / ".env").chmod(mode)

    told = refusal()

    assert "chmod 600 .env" in told
    assert "h7Gd9" not in told


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_one_is_read(bare: Path, mode: int) -> None:
    (bare / ".env").write_text("GOLD_LOADER_PASSWORD=h7Gd9-kkQ2\n")
    (bare / ".env").chmod(mode)

    assert load_settings().gold_loader_password.get_secret_value() == "h7Gd9-kkQ2"


def test_one_without_a_password_may_be_read_by_all(bare: Path) -> None:
    (bare / ".env").write_text("GOLD_PORT=5555\nGOLD_LOADER_PASSWORD=\n")
    (bare / ".env").chmod(0o644)

    assert load_settings().gold_port == 5555


def test_a_homes_own_file_is_looked_at_too(bare: Path) -> None:
    file = bare / ".warehouse" / "embedded.env"
    file.parent.mkdir()
    file.write_text("METASTORE_DB_PASSWORD=h7Gd9-kkQ2\n")
    file.chmod(0o644)

    assert f"chmod 600 {file}" in refusal()


@pytest.mark.parametrize("sample", ["change-me", "CHANGE_ME", "changeme1", "Password", "<secret>"])
def test_samples_are_refused_by_the_names_of_all_of_them(
    bare: Path, monkeypatch: pytest.MonkeyPatch, sample: str
) -> None:
    monkeypatch.setenv("GOLD_OWNER_PASSWORD", sample)
    monkeypatch.setenv("SPARK_AUTH_SECRET", sample)
    monkeypatch.setenv("GOLD_LOADER_PASSWORD", "h7Gd9-kkQ2")

    told = refusal()

    assert "SPARK_AUTH_SECRET, GOLD_OWNER_PASSWORD" in told
    assert "GOLD_LOADER_PASSWORD" not in told
    assert sample not in told


def test_a_service_refuses_them_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENKINS_AGENT_PASSWORD", "change-me")

    with pytest.raises(UsageError, match="JENKINS_AGENT_PASSWORD"):
        load_service_settings()


def test_whatever_the_example_gives_for_a_secret_is_refused() -> None:
    given = dotenv_values(PROJECT_ROOT / ".env.example")
    secrets = {name: value for name, value in given.items() if SECRET_NAME.search(name)}

    assert len(secrets) > 12
    assert [name for name, value in secrets.items() if value and not is_sample(value)] == []


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
@pytest.mark.parametrize(
    "host", ["db.example.com", "10.0.0.7", "2001:db8::7", "0.0.0.0", "127.0.0.1,db.example.com", ""]
)
def test_a_database_elsewhere_wants_tls(
    monkeypatch: pytest.MonkeyPatch, database: str, mode: str, host: str
) -> None:
    monkeypatch.setenv(f"{database}_HOST", host)
    monkeypatch.setenv(f"{database}_SSLMODE", mode)

    told = refusal()

    assert f"{database}_HOST={host}, {database}_SSLMODE={mode}" in told
    assert f"set {database}_SSLMODE to verify-full" in told


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_with_tls_it_may_be_anywhere(
    monkeypatch: pytest.MonkeyPatch, database: str, mode: str
) -> None:
    monkeypatch.setenv(f"{database}_HOST", "db.example.com")
    monkeypatch.setenv(f"{database}_SSLMODE", mode)

    found = load_settings()

    used = dsn(found) if database == "GOLD" else metastore_dsn(found)
    assert (used["host"], used["sslmode"]) == ("db.example.com", mode)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "::1", "localhost", "/run/postgresql"])
def test_on_this_machine_it_needs_none(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("GOLD_HOST", host)
    monkeypatch.setenv("GOLD_SSLMODE", "disable")

    assert is_loopback(host)
    assert load_settings().gold_host == host


def test_a_private_networks_hosts_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLD_HOST", "gold")
    monkeypatch.setenv("CLEAR_TEXT_HOSTS", "other, gold")
    assert load_settings().gold_host == "gold"

    monkeypatch.setenv("METASTORE_DB_HOST", "gold2")
    assert "METASTORE_DB_HOST=gold2" in refusal()


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLD_SSLMODE", "verify_full")

    assert "GOLD_SSLMODE: " in refusal()


def test_a_jdbc_url_says_what_libpq_is_told_and_nothing_that_a_name_adds() -> None:
    settings = Settings(
        gold_host="::1",
        gold_db="go/ld?sslmode=disable&x=#",
        gold_sslmode="verify-full",
        database_ca_file="/tls/c a.crt",
    )

    url = jdbc_url(dsn(settings), options="-c timezone=UTC")

    parts = urlsplit(url.removeprefix("jdbc:"))
    assert (parts.hostname, parts.port) == ("::1", 5432)
    assert parts.path == "/go%2Fld%3Fsslmode%3Ddisable%26x%3D%23"
    assert parse_qs(parts.query) == {
        "sslmode": ["verify-full"],
        "sslrootcert": ["/tls/c a.crt"],
        "options": ["-c timezone=UTC"],
    }
    assert "+" not in url  # Java's driver takes it for a plus
