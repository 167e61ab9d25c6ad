"""`--resume`: tests of `make test-long` that passed with this code are not run again.

What passed is in `docs/long.json`, with what each test counted (`record_property`), so the last
result is there to be read and a run that was stopped goes on, on another machine too.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections import Counter

import pytest

from jobs.common.settings import PROJECT_ROOT

LEDGER = PROJECT_ROOT / "docs" / "long.json"
# Files of the rest decide what comes out.
ALL_BUT = (".", ":!docs", ":!bench", ":!README.md")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--resume", action="store_true", help="Pass over long tests that passed with this code."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--resume"):
        config.pluginmanager.register(Resumed(), "resumed")


class Resumed:
    """Keeps which long tests passed, for one state of the code at a time."""

    def __init__(self) -> None:
        self._code = code()
        kept = json.loads(LEDGER.read_text()) if LEDGER.is_file() else {}
        self._passed: dict[str, dict[str, int]] = (
            kept["passed"] if self._code and kept.get("code") == self._code else {}
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        done = pytest.mark.skip(reason="passed with this code before")
        for item in items:
            if item.nodeid in self._passed:
                item.add_marker(done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "long" in report.keywords:
            self._passed[report.nodeid] = {name: int(n) for name, n in report.user_properties}
            if self._code:
                kept = {"code": self._code, "passed": dict(sorted(self._passed.items()))}
                LEDGER.write_text(json.dumps(kept, indent=1) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        words = ", ".join(f"{n:,} {name}" for name, n in counted(self._passed).items())
        where = f"in {LEDGER.name}" if self._code else "not kept: files differ from the commit"
        terminalreporter.line(f"long tests that passed ({where}): {len(self._passed)}; {words}")


def counted(passed: dict[str, dict[str, int]]) -> Counter[str]:
    """What the tests counted, added up."""
    return sum((Counter(counts) for counts in passed.values()), Counter())


def code() -> str:
    """A hash of the code as it was committed; empty where it differs, or git tells nothing."""
    if _git("status", "--porcelain", "--", *ALL_BUT):
        return ""
    files = _git("ls-files", "--stage", "--", *ALL_BUT)
    return hashlib.sha256(files.encode()).hexdigest()[:16] if files else ""


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout
