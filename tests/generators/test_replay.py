"""The replay's rules, on years of a few lines."""

import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest

from generators.replay import landing_files
from tests.generators.tiny_year import HEADER, Year, line, rows, texts


@pytest.fixture
def year(tmp_path: Path) -> Year:
    return Year(tmp_path)


def listed(text: str) -> dict[str, tuple[str, str]]:
    """Stock code → (description, price) of a product snapshot."""
    return {row[0]: (row[1], row[3]) for row in rows(text)}


def test_lines_keep_file_order_and_are_numbered_within_their_invoice(year: Year) -> None:
    year.write(line(invoice="7"), line(invoice="8"), line(invoice="7", code="a2 "))
    assert year.files()["transactions_20101201T0800.csv"] == (
        "invoice_no,line_no,stock_code,quantity,invoice_date,customer_id,country\n"
        "7,1,A1,2,2010-12-01 08:26:00,17850,France\n"
        "8,1,A1,2,2010-12-01 08:26:00,17850,France\n"
        "7,2,A2,2,2010-12-01 08:26:00,17850,France\n"
    )


def test_each_window_with_lines_has_a_file_and_each_day_a_snapshot(year: Year) -> None:
    year.write(line(), line(date="2010-12-01 12:00:00"), line(date="2010-12-03 23:59:59"))
    assert list(year.files()) == [
        "countries_20101201.csv",
        "products_20101201.csv",
        "products_20101203.csv",
        "transactions_20101201T0800.csv",
        "transactions_20101201T1200.csv",
        "transactions_20101203T2000.csv",
    ]


def test_the_list_price_is_that_of_most_lines_and_not_of_most_units(year: Year) -> None:
    year.write(line(price="3"), line(price="3.00"), line(price="2", quantity=99))
    assert listed(year.files()["products_20101201.csv"]) == {"A1": ("RED MUG", "3")}


def test_of_equally_common_prices_the_lowest_is_listed(year: Year) -> None:
    year.write(line(price="10.5"), line(price="9.25"))
    assert listed(year.files()["products_20101201.csv"])["A1"][1] == "9.25"


def test_of_equally_common_descriptions_the_first_by_code_point_is_listed(year: Year) -> None:
    year.write(line(name="red mug"), line(name="RED mug"), line(name="éclair"))
    assert listed(year.files()["products_20101201.csv"])["A1"][0] == "RED mug"


def test_price_and_description_are_voted_on_apart(year: Year) -> None:
    year.write(line(price="1", name="B"), line(price="2", name="A"), line(price="2", name="B"))
    assert listed(year.files()["products_20101201.csv"])["A1"] == ("B", "2")


def test_a_day_without_priced_lines_keeps_the_last_values(year: Year) -> None:
    later = {"date": "2010-12-02 09:00:00"}
    year.write(line(), line(invoice="C9", price="1", **later), line(price="0", name="?", **later))
    files = year.files()
    assert files["products_20101202.csv"] == files["products_20101201.csv"]


@pytest.mark.parametrize(
    "unpriced",
    [{"invoice": "C2"}, {"invoice": "A2"}, {"price": "0"}, {"price": "-1"}, {"price": ""}],
)
def test_cancellations_adjustments_and_free_lines_list_no_price(
    year: Year, unpriced: dict[str, str]
) -> None:
    year.write(line(), line(code="B1", **unpriced))
    files = year.files()
    assert list(listed(files["products_20101201.csv"])) == ["A1"]
    assert len(rows(files["transactions_20101201T0800.csv"])) == 2


def test_a_day_before_the_first_priced_line_has_no_snapshot(year: Year) -> None:
    year.write(line(price="0"), line(date="2010-12-02 09:00:00"))
    assert [name for name in year.files() if name.startswith("products")] == [
        "products_20101202.csv"
    ]


def test_stock_codes_are_one_whatever_their_case_and_blanks(year: Year) -> None:
    year.write(line(code=" a1", price="1"), line(code="A1", price="1"), line(code="A1", price="2"))
    assert listed(year.files()["products_20101201.csv"]) == {"A1": ("RED MUG", "1")}


def test_a_snapshot_is_sorted_by_code_and_carries_the_category(year: Year) -> None:
    year.write(line(code="B"), line(code="A", name=""), line(code="C", name="PAPER LANTERN"))
    assert year.files()["products_20101201.csv"] == (
        "stock_code,description,category,unit_price\n"
        "A,,Other,2.55\n"
        "B,RED MUG,Kitchen & Dining,2.55\n"
        "C,PAPER LANTERN,Lighting & Candles,2.55\n"
    )


def test_days_are_calendar_days_from_the_first(year: Year) -> None:
    year.write(line(date="2010-12-04 08:00:00"), line(), line(date="2010-12-03 08:00:00"))
    assert [name for name in year.files(days=3) if name.startswith("transactions")] == [
        "transactions_20101201T0800.csv",
        "transactions_20101203T0800.csv",
    ]


def test_the_second_release_s_headers_and_dates_are_read(year: Year) -> None:
    first = year.write(line()).files()
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    second = year.write(line(date="12/1/2010 8:26", customer="17850.0"), header=header)
    assert second.files() == first


def test_columns_are_found_by_name_whatever_their_order(year: Year) -> None:
    first = year.write(line()).files()
    header = ",".join(reversed(HEADER.split(",")))
    assert year.write(",".join(reversed(line().split(","))), header=header).files() == first


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_archives_give_what_the_plain_file_gives(year: Year, suffix: str, pack: Any) -> None:
    plain = year.write(line(), line(name='"with ""quotes"", and\nmore"')).files()
    packed = year.data.with_name(f"year.csv{suffix}")
    packed.write_bytes(pack(year.data.read_bytes()))
    assert texts(landing_files(packed, year.countries)) == plain
