"""One warehouse, set up from nothing by the script itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded import services
from embedded.home import Home
from tests.scripts.runner import run


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a warehouse that is set up."""
    home = tmp_path_factory.mktemp("scripts") / "ware house"
    done = run("run_setup.sh", home=home)
    assert done.returncode == 0, done.stderr
    yield home
    services.down(Home(home))
