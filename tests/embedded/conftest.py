"""Homes for the tests of the embedded services: made once a module, always ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded import services
from embedded.home import Home


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Home]]:
    """Makes homes that are up; all are down when the module ends."""
    made: list[Home] = []

    def make(name: str) -> Home:
        home = Home(tmp_path_factory.mktemp("homes") / name)
        made.append(home)
        home.create()
        services.create(home)
        services.up(home)
        return home

    yield make
    for home in made:
        services.down(home)


@pytest.fixture(scope="module")
def home(new_home: Callable[[str], Home]) -> Home:
    """One home that is up, in a path with a space."""
    return new_home("a home")


@pytest.fixture
def quiet_home(tmp_path: Path) -> Home:
    """A home without services."""
    home = Home(tmp_path / "home")
    home.create()
    return home
