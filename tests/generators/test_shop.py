"""The shop's files: their form, their names, and the same bytes for the same arguments."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from generators.shop import FaultRates, Shop, ShopOptions, build_shop
from generators.shop.__main__ import app
from generators.shop.countries import COUNTRIES, UNKNOWN_COUNTRIES
from jobs.common.errors import UsageError
from tests.generators.brute_force import Gold

HEADERS = {
    "transactions": b"invoice_no,line_no,stock_code,quantity,invoice_date,customer_id,country\n",
    "products": b"stock_code,description,category,unit_price,stock_quantity\n",
    "countries": b"country_id,country,iso_code,region,sub_region\n",
}


def records(content: bytes) -> Iterator[list[str]]:
    return csv.reader(content.decode().splitlines(keepends=True), strict=True)


def test_a_default_shop_is_small(truth: dict[str, Any]) -> None:
    assert 15_000 <= truth["totals"]["lines_in"] <= 25_000
    assert 250 <= truth["totals"]["products"] <= 400
    assert truth["totals"]["product_versions"] > 1.5 * truth["totals"]["products"]


def test_nothing_is_sold_that_its_day_s_list_lacks(shop: Shop, gold: Gold) -> None:
    lists = {
        delivery.file.name[9:17]: {row[0] for row in records(delivery.file.content)}
        for delivery in shop.deliveries
        if delivery.file.kind == "products"
    }
    for fields in gold["loaded"].values():
        assert fields[2].upper() in lists[fields[4][:10].replace("-", "")]


def test_hostile_names_are_listed_as_they_are(shop: Shop, truth: dict[str, Any]) -> None:
    first = next(each.file for each in shop.deliveries if each.file.kind == "products")
    listed = {row[0]: row[1] for row in records(first.content)}
    for code, name in truth["hostile_products"].items():
        assert listed[code] == name
    assert "<script>alert(1)</script>" in truth["hostile_products"].values()
    assert any("\n" in name for name in truth["hostile_products"].values())


def test_of_a_code_twice_in_a_list_the_last_stands(shop: Shop, truth: dict[str, Any]) -> None:
    files = {each.file.name: each.file.content for each in shop.deliveries}
    for each in truth["duplicate_codes"]:
        prices = [
            Fraction(row[3])
            for row in records(files[each["source_file"]])
            if row[0] == each["stock_code"]
        ]
        assert prices == [Fraction(each["first_price"]), Fraction(each["winning_price"])]


def test_files_have_the_design_s_names_headers_and_line_ends(shop: Shop) -> None:
    for delivery in shop.deliveries:
        file = delivery.file
        hour = "T(00|04|08|12|16|20)00" if file.kind == "transactions" else ""
        assert re.fullmatch(rf"{file.kind}_\d{{8}}{hour}\.csv", file.name)
        assert file.content.startswith(HEADERS[file.kind])
        assert file.content.endswith(b"\n")
        assert b"\r" not in file.content
    assert len({delivery.file.name for delivery in shop.deliveries}) == len(shop.deliveries)


def test_the_countries_are_a_table_of_their_own() -> None:
    assert len(COUNTRIES) >= 40
    for column in ("country_id", "country", "iso_code"):
        assert len({getattr(row, column) for row in COUNTRIES}) == len(COUNTRIES)
    assert {row.country for row in COUNTRIES}.isdisjoint(UNKNOWN_COUNTRIES)


def test_the_countries_agree_with_the_real_year_s(shared_data: Path) -> None:
    with (shared_data / "countries.csv").open(encoding="utf-8", newline="") as file:
        master = {tuple(row) for row in csv.reader(file)}
    assert {tuple(map(str, row)) for row in COUNTRIES} <= master


def test_the_same_arguments_make_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    arguments = ["--landing", str(tmp_path / "in"), "--truth", str(tmp_path / "truth.json")]
    subprocess.run(
        [sys.executable, "-m", "generators.shop", *arguments],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "truth.json").read_bytes() == shop.truth
    written = {path.name: path.read_bytes() for path in (tmp_path / "in").glob("*/*")}
    assert written == {each.file.name: each.file.content for each in shop.deliveries}


def test_another_seed_makes_another_shop() -> None:
    one, other = (build_shop(ShopOptions(seed=seed, days=2)) for seed in (1, 2))
    assert one.deliveries[-1].file.content != other.deliveries[-1].file.content


def test_waves_are_written_apart_and_again_is_harmless(tmp_path: Path) -> None:
    landing, truth = tmp_path / "in", tmp_path / "truth.json"
    arguments = ["--landing", str(landing), "--truth", str(truth), "--days", "30"]
    said = [
        CliRunner().invoke(app, [*arguments, *wave]).stdout
        for wave in (["--wave", "1"], ["--wave", "2"], [])
    ]
    first, second, both = (
        [int(n) for n in re.findall(r"(\d+) (?:files|al)", line)] for line in said
    )
    assert first[1] == second[1] == 0
    assert both == [0, first[0] + second[0]]
    late = [each for each in json.loads(truth.read_text())["files"] if each["wave"] == 2]
    assert len(late) == second[0] > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--days", "0"],
        ["--scale", "0"],
        ["--scale", "nan"],
        ["--start", "1999-01-01"],
        ["--malformed-rate", "1.5"],
        ["--malformed-rate", "0.6", "--changed-rate", "0.6"],
        ["--codes-from-gold", "--gold-dsn", ""],
    ],
)
def test_what_makes_no_shop_is_a_usage_error(arguments: list[str], tmp_path: Path) -> None:
    where = ["--landing", str(tmp_path / "in"), "--truth", str(tmp_path / "truth.json")]
    result = CliRunner().invoke(app, [*where, *arguments], env={"GOLD_DSN": ""})
    assert result.exit_code == 2
    assert not (tmp_path / "in").exists()


def test_rates_are_shares() -> None:
    with pytest.raises(UsageError):
        FaultRates(outlier=-0.1)
