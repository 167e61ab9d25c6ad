"""A `.env` as docker/new_env.sh makes it, and the compose file resolved with it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from jobs.common.settings import PROJECT_ROOT
from tests.stack import compose


@pytest.fixture(scope="session")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("stack") / ".env"
    subprocess.run([PROJECT_ROOT / "docker" / "new_env.sh", file], check=True)
    return file


@pytest.fixture(scope="session")
def env(env_file: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(env_file).items()}


@pytest.fixture(scope="session")
def stack(env: dict[str, str]) -> dict[str, Any]:
    return compose.resolved(env)


@pytest.fixture(scope="session")
def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = stack["services"]
    return found
