"""`.env`: every variable is described, every password asked for, none has a default."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from cluster.settings import ServiceSettings
from jobs.common.settings import PROJECT_ROOT, Settings
from tests.stack import compose

EXAMPLE = PROJECT_ROOT / ".env.example"
NEW_ENV = PROJECT_ROOT / "docker" / "new_env.sh"
SECRET = re.compile(r"_(PASSWORD|SECRET)$")
NOT_EVERY_SERVER_WANTS_ONE = "SMTP_PASSWORD"


def example() -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(EXAMPLE).items()}


def own_section() -> list[str]:
    after = EXAMPLE.read_text(encoding="utf-8").split("# ---- docker-compose.yaml;")[1]
    return re.findall(r"^([A-Z_]+)=", after, re.MULTILINE)


def required() -> list[str]:
    return sorted({name for name, operator, _ in compose.variables() if operator == ":?"})


def test_every_dollar_of_the_file_is_a_variable_that_the_tests_resolve() -> None:
    assert "$" not in compose.VARIABLE.sub("", compose.text())


def test_every_variable_is_in_the_example() -> None:
    assert {name for name, _, _ in compose.variables()} <= set(example())


def test_every_variable_of_its_section_is_used() -> None:
    assert set(own_section()) <= {name for name, _, _ in compose.variables()}


def test_a_default_is_the_example_s() -> None:
    given = example()
    differing = {
        name: word
        for name, operator, word in compose.variables()
        if operator == ":-" and given[name] != word
    }

    assert differing == {}


def test_every_password_is_required_and_none_is_in_the_file() -> None:
    secrets = {name for name, _, _ in compose.variables() if SECRET.search(name)}

    assert set(required()) == secrets - {NOT_EVERY_SERVER_WANTS_ONE}
    assert len(secrets) > 10


@pytest.mark.parametrize("name", required())
def test_without_one_of_them_compose_refuses(env: dict[str, str], name: str) -> None:
    for missing in ({**env, name: ""}, {key: v for key, v in env.items() if key != name}):
        with pytest.raises(compose.Refused, match=name):
            compose.resolved(missing)


def test_the_example_alone_starts_nothing() -> None:
    with pytest.raises(compose.Refused):
        compose.resolved(example())


def test_a_new_env_has_passwords_of_its_own_and_is_private(env_file: Path, tmp_path: Path) -> None:
    subprocess.run([NEW_ENV, tmp_path / ".env"], check=True)
    one, other = dotenv_values(env_file), dotenv_values(tmp_path / ".env")
    made = [one[name] for name in required()] + [other[name] for name in required()]

    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value or "") for value in made)
    assert {k: v for k, v in one.items() if k not in required()} == {
        k: v for k, v in example().items() if k not in required()
    }


def test_an_env_that_is_there_stays(env_file: Path) -> None:
    before = env_file.read_bytes()

    done = subprocess.run([NEW_ENV, env_file], capture_output=True, text=True, check=False)

    assert (done.returncode, "there already" in done.stderr) == (2, True)
    assert env_file.read_bytes() == before


def test_what_containers_are_told_is_a_setting_that_somebody_reads(
    services: dict[str, dict[str, object]],
) -> None:
    known = {name.upper() for name in (*Settings.model_fields, *ServiceSettings.model_fields)}
    known |= {"SPARK_LOCAL_DIRS"}  # Spark's own
    ours = [s for s in services.values() if str(s["image"]).startswith("ecommerce-warehouse:")]
    told = {name for s in ours for name in s.get("environment", {})}  # type: ignore[attr-defined]

    assert len(ours) == 9
    assert told <= known


def test_a_job_that_a_person_runs_has_every_password_of_a_job(
    services: dict[str, dict[str, dict[str, str]]],
) -> None:
    secrets = {n.upper() for n, f in Settings.model_fields.items() if f.annotation is SecretStr}

    assert secrets - {"METASTORE_DB_PASSWORD"} <= set(services["job"]["environment"])
