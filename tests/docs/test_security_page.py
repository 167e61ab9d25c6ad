"""docs/security.md: each test that it names is there; and what it says of exports."""

from __future__ import annotations

import re

from jobs.common.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
# What writes a sheet, or hands one to a mail or a browser.
SHEETS = re.compile(r"csv\.(?:Dict)?[Ww]riter|to_csv|to_excel|\.write\.csv|text/csv|openpyxl|xlsx")


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(NAMED.findall(PAGE.read_text(encoding="utf-8")))

    assert len(named) > 35
    for path, name in named:
        text = (PROJECT_ROOT / path).read_text(encoding="utf-8")
        assert f"def {name or 'test_'}" in text, (path, name)


def test_no_job_writes_what_a_spreadsheet_opens() -> None:
    """Formulas in cells are thereby nobody's to neutralise; who adds an export has to."""
    sources = list((PROJECT_ROOT / "jobs").rglob("*.py"))

    assert len(sources) > 80
    found = {path.name: SHEETS.findall(path.read_text(encoding="utf-8")) for path in sources}
    assert {name: hits for name, hits in found.items() if hits} == {}
