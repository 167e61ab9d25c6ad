"""The real year's landing files hold what two other engines found in it."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from generators.landing import deliver
from generators.replay import landing_files
from tests.generators.brute_force import gold_of


@pytest.fixture(scope="module")
def answers(shared_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shared_data / "online_retail_answers.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def year(
    shared_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    landing = tmp_path_factory.mktemp("year")
    for file in landing_files(shared_data / "online_retail.csv.xz", shared_data / "countries.csv"):
        assert deliver(landing, file)
    return gold_of(landing)


@pytest.mark.slow
def test_versions_and_products_are_those_of_the_year(
    year: dict[str, Any], answers: dict[str, Any]
) -> None:
    assert year["lines_in"] == answers["source_rows"]
    assert year["product_versions"] == answers["product_versions"]
    assert year["products"] == answers["products"]
    assert (year["refused"], year["superseded"]) == ([], 0)


@pytest.mark.slow
def test_errors_are_those_of_the_year(year: dict[str, Any], answers: dict[str, Any]) -> None:
    assert year["errors_by_rule"] == {
        "unknown_country": answers["errors_unknown_country"],
        "no_price_in_effect": answers["errors_no_price"],
    }
    assert len(year["errors"]) == answers["error_rows"]


@pytest.mark.slow
def test_lines_units_and_revenue_are_those_of_the_year(
    year: dict[str, Any], answers: dict[str, Any]
) -> None:
    lines = year["loaded"].values()
    assert len(lines) == answers["fact_rows"]
    assert sum(int(fields[3]) for fields in lines) == answers["units"]
    assert sum(not fields[5] for fields in lines) == answers["guest_rows"]
    assert len({fields[5] for fields in lines} - {""}) == answers["customers"]
    assert f"{sum(year['amounts'].values()):.4f}" == answers["revenue"]


@pytest.mark.slow
def test_each_month_s_revenue_is_that_of_the_year(
    year: dict[str, Any], answers: dict[str, Any]
) -> None:
    months: dict[str, Decimal] = defaultdict(Decimal)
    for key, amount in year["amounts"].items():
        months[year["loaded"][key][4][:7]] += amount
    found = {month: f"{revenue:.4f}" for month, revenue in sorted(months.items())}
    assert found == answers["revenue_by_month"]


def test_the_first_31_days_make_the_first_month(
    shared_data: Path,
    tmp_path: Path,
    answers: dict[str, Any],
) -> None:
    data, countries = shared_data / "online_retail.csv.xz", shared_data / "countries.csv"
    for file in landing_files(data, countries, days=31):
        deliver(tmp_path, file)
    revenue = sum(gold_of(tmp_path)["amounts"].values())
    assert f"{revenue:.4f}" == answers["revenue_by_month"]["2010-12"]
