"""`--resume`: long tests that passed with what they depend on as it is now are not run again.

What passed is in `docs/long.json`, with what each test counted (`record_property`), so the last
result is there to be read and a run that was stopped goes on, on another machine too. A test
depends on the warehouse, on its own file and on the files of tests which that imports.
"""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pytest

from jobs.common.settings import PROJECT_ROOT

LEDGER = PROJECT_ROOT / "docs" / "long.json"
# Whichever test it is: all but what cannot change what comes out, and modules of tests.
OF_EVERY_TEST = (
    *(".", ":!docs", ":!bench", ":!README.md"),
    *(":(exclude,glob)tests/*.py", ":(exclude,glob)tests/*/*.py"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--resume", action="store_true", help="Pass over long tests that passed with this code."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--resume"):
        config.pluginmanager.register(Resumed(), "resumed")


@dataclass(frozen=True)
class Passed:
    """With which code a test passed, and what it counted."""

    code: str
    counts: dict[str, int]


class Resumed:
    """Keeps which long tests passed, each with the code that it depends on."""

    def __init__(self) -> None:
        self._passed = ledger()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        done = pytest.mark.skip(reason="passed with this code before")
        for item in items:
            known = self._passed.get(item.nodeid)
            if known and known.code == code(_file(item.nodeid)):
                item.add_marker(done)

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        if all(code(_file(item.nodeid)) for item in items):
            return []
        return [f"not all is committed (git status): what passes is not kept in {LEDGER.name}"]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "long" in report.keywords:
            counts = {name: int(n) for name, n in report.user_properties}
            if of_now := code(_file(report.nodeid)):
                self._passed[report.nodeid] = Passed(of_now, counts)
                kept = {test: asdict(self._passed[test]) for test in sorted(self._passed)}
                LEDGER.write_text(json.dumps(kept, indent=1) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        now = {test: p for test, p in self._passed.items() if p.code == code(_file(test))}
        words = ", ".join(f"{n:,} {name}" for name, n in counted(now).items())
        line = f"long tests that passed with this code ({LEDGER.name}): {len(now)}; {words}"
        terminalreporter.line(line)


def ledger() -> dict[str, Passed]:
    """What passed, by the id of the test."""
    kept = json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.is_file() else {}
    return {test: Passed(**passed) for test, passed in kept.items()}


def counted(passed: dict[str, Passed]) -> Counter[str]:
    """What the tests counted, added up."""
    return sum((Counter(p.counts) for p in passed.values()), Counter())


@cache
def code(test_file: str) -> str:
    """A hash of what a test depends on, as it was committed; empty where that differs."""
    files = OF_EVERY_TEST, sorted(_imported(test_file))
    if any(_git("status", "--porcelain", "--", *paths) for paths in files):
        return ""
    listed = [_git("ls-files", "--stage", "--", *paths) for paths in files]
    return hashlib.sha256("".join(listed).encode()).hexdigest()[:16] if all(listed) else ""


def _imported(test_file: str) -> set[str]:
    """The file, those of its `conftest.py`, and all of the tests' that they import."""
    found: set[str] = set()
    new = {test_file, "tests/conftest.py", str(Path(test_file).with_name("conftest.py"))}
    while new := {file for file in new if (PROJECT_ROOT / file).is_file()} - found:
        found |= new
        new = {name for file in new for name in _names(PROJECT_ROOT / file)}
    return found


def _names(file: Path) -> Iterator[str]:
    """Files that an import in the file may mean."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            modules = [each.name for each in node.names]
        else:
            continue
        yield from (f"{m.replace('.', '/')}.py" for m in modules if m.startswith("tests."))


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout
