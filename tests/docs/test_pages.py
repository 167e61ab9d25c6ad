"""README and docs/: what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from jobs.common import catalogue
from jobs.common.settings import PROJECT_ROOT
from tests.crashes.pairs import sharing
from tests.crashes.points import points
from tests.support.resume import counted, ledger

PAGES = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SCRIPT = re.compile(r"\b((?:run_\w+|gold_sql)\.sh)\b")
RELATION = re.compile(r"`((?:ops\.|v_|dim_|fact_t|ecommerce_d[bw]\.)\w+)`")
VARIABLE = re.compile(
    r"\b((?:GOLD|SMTP|SPARK|MAIL|LINK|ANOMALY|PRODUCTS|METASTORE|LOCK)_[A-Z_]+)\b"
)
MAKE = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)


def names(pattern: re.Pattern[str], page: Path) -> set[str]:
    return set(pattern.findall(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in names(LINK, page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_tables_and_settings_exist(page: Path) -> None:
    scripts = {path.name for path in (PROJECT_ROOT / "scripts").iterdir()}
    known = set(re.findall(r"^### (\S+)", catalogue.page(), re.MULTILINE))
    functions = {name for kind, name, _ in catalogue.comments(catalogue.migration_text())
                 if kind == "FUNCTION"}  # fmt: skip
    settings = set(dotenv_values(PROJECT_ROOT / ".env.example"))

    assert names(SCRIPT, page) <= scripts | {"run_<job>.sh"}
    assert names(RELATION, page) <= known | functions
    assert {name for name in names(VARIABLE, page) if not name.endswith("_")} <= settings


def test_the_readme_names_targets_of_the_makefile() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    assert names(MAKE, PROJECT_ROOT / "README.md") <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_that_people_write_are_short(page: Path) -> None:
    if page.name != "catalogue.md":
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 200


def test_the_page_on_crashes_has_the_last_result_of_the_long_tests() -> None:
    page = (PROJECT_ROOT / "docs" / "crashes.md").read_text(encoding="utf-8")
    passed = ledger()

    assert f"{len(passed)} long tests passed" in page
    for name, count in counted(passed).items():
        assert f"{count:,} {name}" in page


def test_the_page_on_crashes_has_as_many_points_and_pairs_as_the_code() -> None:
    page = (PROJECT_ROOT / "docs" / "crashes.md").read_text(encoding="utf-8")

    assert f"| {len(points())} points killed |" in page
    assert f"| {len(sharing())} pairs raced |" in page


def test_the_page_on_crashes_has_every_effect_of_the_code() -> None:
    page = (PROJECT_ROOT / "docs" / "crashes.md").read_text(encoding="utf-8")
    table = page.split("| effect |", 1)[1].split("\n\n", 1)[0]
    told = re.findall(r"^\| ((?:the|an?) [^|]+) \|", table, re.MULTILINE)

    assert sorted(told) == sorted({point.split(" ", 1)[1] for point in points()})
