"""Ten years out of one, on years of a few lines."""

from pathlib import Path

from bench.job_years import years_of_files
from generators.landing import LandingFile
from generators.replay import landing_files
from tests.generators.tiny_year import Year, line, rows, texts


def files(folder: Path, *lines: str) -> list[LandingFile]:
    year = Year(folder).write(*lines)
    return list(landing_files(year.data, year.countries))


def test_one_year_is_the_year_itself(tmp_path: Path) -> None:
    year = files(tmp_path, line(), line(invoice="C2", date="2011-11-30 23:59:00", quantity=-1))

    assert sorted(texts(years_of_files(year, 1)).items()) == sorted(texts(year).items())


def test_a_copy_has_invoices_of_its_own_whole_years_later(tmp_path: Path) -> None:
    year = files(tmp_path, line(invoice="536365"), line(invoice="C536365", quantity=-1))

    found = texts(years_of_files(year, 3))

    assert rows(found["transactions_20121201T0800.csv"]) == [
        ["2536365", "1", "A1", "2", "2012-12-01 08:26:00", "17850", "France"],
        ["C2536365", "1", "A1", "-1", "2012-12-01 08:26:00", "17850", "France"],
    ]


def test_a_window_of_two_copies_has_the_lines_of_both(tmp_path: Path) -> None:
    year = files(tmp_path, line(invoice="1"), line(invoice="9", date="2011-12-01 09:00:00"))

    found = texts(years_of_files(year, 2))

    assert [row[0] for row in rows(found["transactions_20111201T0800.csv"])] == ["9", "11"]
    assert len([name for name in found if name.startswith("transactions")]) == 3


def test_a_price_list_goes_on_from_what_was_listed_before(tmp_path: Path) -> None:
    year = files(
        tmp_path,
        line(code="A1", price="1"),
        line(code="A1", price="2", date="2011-06-01 09:00:00"),
        line(code="B2", price="3", date="2011-06-01 09:00:00"),
    )

    found = texts(years_of_files(year, 2))

    prices = {
        name: [(row[0], row[3]) for row in rows(text)]
        for name, text in found.items()
        if name.startswith("products")
    }
    assert prices == {
        "products_20101201.csv": [("A1", "1")],
        "products_20110601.csv": [("A1", "2"), ("B2", "3")],
        "products_20111201.csv": [("A1", "1"), ("B2", "3")],
        "products_20120601.csv": [("A1", "2"), ("B2", "3")],
    }
