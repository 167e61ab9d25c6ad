"""`--resume`: tests of `make test-long` that passed at this commit are not run again."""

from __future__ import annotations

import subprocess
from collections import Counter

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
    """Keeps which long tests passed, in pytest's cache, for one commit at a time.

    What a test counted (`record_property`) is kept with it, and added up at the end.
    """

    def __init__(self, config: pytest.Config) -> None:
        assert config.cache is not None
        self._cache = config.cache
        self._commit = commit()
        kept = self._cache.get(KEY, {})
        of_this = kept.get("commit") == self._commit
        self._passed: dict[str, dict[str, int]] = kept.get("tests", {}) if of_this else {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        done = pytest.mark.skip(reason="passed at this commit before")
        for item in items:
            if item.nodeid in self._passed:
                item.add_marker(done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "long" in report.keywords:
            self._passed[report.nodeid] = {name: int(n) for name, n in report.user_properties}
            self._cache.set(KEY, {"commit": self._commit, "tests": self._passed})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        counted: Counter[str] = Counter()
        for counts in self._passed.values():
            counted.update(counts)
        words = [f"{len(self._passed)} passed", *(f"{n:,} {name}" for name, n in counted.items())]
        terminalreporter.line(f"long tests at {self._commit or 'no commit'}: {', '.join(words)}")


def commit() -> str:
    """The checkout's commit, and whether files differ from it; empty where git tells nothing."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
