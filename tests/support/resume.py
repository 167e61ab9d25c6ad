"""`--resume`: tests of `make test-long` that passed at this commit are not run again."""

from __future__ import annotations

import subprocess

import pytest

KEY = "long/passed"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--resume", action="store_true", help="Pass over long tests that passed at this commit."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--resume"):
        config.pluginmanager.register(Resumed(config), "resumed")


class Resumed:
    """Keeps which long tests passed, in pytest's cache, for one commit at a time."""

    def __init__(self, config: pytest.Config) -> None:
        assert config.cache is not None
        self._cache = config.cache
        self._commit = commit()
        kept = self._cache.get(KEY, {})
        self._passed = set(kept.get("tests", [])) if kept.get("commit") == self._commit else set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        done = pytest.mark.skip(reason="passed at this commit before")
        for item in items:
            if item.nodeid in self._passed:
                item.add_marker(done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "long" in report.keywords:
            self._passed.add(report.nodeid)
            kept = {"commit": self._commit, "tests": sorted(self._passed)}
            self._cache.set(KEY, kept)


def commit() -> str:
    """The checkout's commit, and whether files differ from it; empty where git tells nothing."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
