"""Products and countries files' bytes to rows with a verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.bronze.master_rows import parse_countries, parse_products
from tests.support.rows import country, csv_text, product

DAY = datetime(2025, 3, 3, tzinfo=UTC)
GOOD_PRODUCT = ("A1", "RED MUG", "Kitchen", Decimal("2.5000"), None, "good", None, None, 2)
GOOD_COUNTRY = (250, "France", "FR", "Europe", "Western Europe", "good", None, None, 2)


def products(*given: dict[str, Any]) -> list[tuple[Any, ...]]:
    return parse_products(csv_text("products", given).encode(), DAY)


def countries(*given: dict[str, Any]) -> list[tuple[Any, ...]]:
    return parse_countries(csv_text("countries", given).encode(), DAY)


def test_a_good_product_is_typed() -> None:
    assert products(product()) == [GOOD_PRODUCT]


def test_product_fields_are_trimmed_codes_upper_case_and_empty_ones_null() -> None:
    (row,) = products(product(" a1 ", description=" red Mug ", category=" "))
    assert row[:4] == ("A1", "red Mug", None, Decimal("2.5000"))


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("0", "0.0000"),
        ("0.0001", "0.0001"),
        ("99999999.9999", "99999999.9999"),
        ("1.50000000", "1.5000"),
        (".5", "0.5000"),
        ("5.", "5.0000"),
        (" 2.5 ", "2.5000"),
    ],
)
def test_a_price_has_at_most_8_digits_and_4_places(text: str, price: str) -> None:
    (row,) = products(product(unit_price=text))
    assert str(row[3]) == price


@pytest.mark.parametrize(
    "text",
    ["-0.01", "1.00001", "100000000", "1e2", "1,5", "£2", "ask", ".", "NaN", "Infinity", "٣"],
)
def test_what_is_no_such_price_is_bad(text: str) -> None:
    (row,) = products(product(unit_price=text))
    problem = f"unit_price: '{text}' is not a price with at most 4 decimal places"
    assert row[:7] == (None,) * 5 + ("bad", problem)
    assert json.loads(row[7]) == {**product(), "unit_price": text}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"stock_code": " "}, "stock_code is missing"),
        ({"unit_price": ""}, "unit_price is missing"),
        ({"description": "a\x00b"}, "description holds bytes that are not UTF-8 text"),
    ],
)
def test_a_product_without_code_or_price_is_bad(changed: dict[str, Any], problem: str) -> None:
    (row,) = products(product(**changed))
    assert row[5:7] == ("bad", problem)


@pytest.mark.parametrize(("text", "units"), [("12", 12), ("", None), ("-3", -3), ("many", None)])
def test_units_in_stock_never_cost_a_price(text: str, units: int | None) -> None:
    (row,) = products(product(stock_quantity=text))
    assert row == (*GOOD_PRODUCT[:4], units, *GOOD_PRODUCT[5:])


def test_of_a_code_listed_twice_the_last_good_line_wins() -> None:
    found = products(
        product("a1", unit_price="1"),
        product("B2"),
        product(" A1", unit_price="2"),
        product("A1", unit_price="free"),
    )
    assert [(row[0], row[5], row[8]) for row in found] == [
        ("A1", "double", 2),
        ("B2", "good", 3),
        ("A1", "good", 4),
        (None, "bad", 5),
    ]
    assert found[0][6] == "listed again at line 4; the last line wins"
    assert found[2][3] == Decimal("2.0000")


def test_a_broken_line_of_a_price_list_is_bad_alone() -> None:
    content = b'stock_code,description,category,unit_price\nA1,"MUG,K,1\nB2,CUP,K,2\nC3,CUP,K\n'
    found = parse_products(content, DAY)
    assert [(row[0], row[5], row[6], row[8]) for row in found] == [
        (None, "bad", "a quote is not closed", 2),
        ("B2", "good", None, 3),
        (None, "bad", "3 fields where the header has 4", 4),
    ]


def test_a_good_country_is_typed() -> None:
    assert countries(country()) == [GOOD_COUNTRY]


def test_codes_and_regions_of_a_country_may_be_empty() -> None:
    (row,) = countries(country(iso_code="", region=" ", sub_region=""))
    assert row == (250, "France", None, None, None, *GOOD_COUNTRY[5:])


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"country_id": ""}, "country_id is missing"),
        ({"country_id": "0"}, "country_id: 0 is not from 1 to 2147483647"),
        ({"country_id": "FR"}, "country_id: 'FR' is not a whole number"),
        ({"country": " "}, "country is missing"),
    ],
)
def test_a_country_without_number_or_name_is_bad(changed: dict[str, Any], problem: str) -> None:
    (row,) = countries(country(**changed))
    assert row[:7] == (None,) * 5 + ("bad", problem)


def test_of_a_country_listed_twice_the_last_line_wins() -> None:
    found = countries(country("Frankreich"), country())
    assert [(row[1], row[5]) for row in found] == [("Frankreich", "double"), ("France", "good")]
