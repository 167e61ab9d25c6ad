"""What the replay's command says and leaves with."""

import gzip
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from generators.replay import app
from tests.generators.tiny_year import HEADER, Year, line


@pytest.fixture
def year(tmp_path: Path) -> Year:
    return Year(tmp_path)


def replay(year: Year, *options: str) -> Any:
    where = ["--data", str(year.data), "--countries", str(year.countries)]
    return CliRunner().invoke(app, [*where, "--landing", str(year.data.parent / "in"), *options])


def assert_refused(result: Any, *words: str) -> None:
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    for word in ("error: ", *words):
        assert word in result.stderr


def test_a_second_run_writes_nothing(year: Year) -> None:
    year.write(line())
    assert "3 files written, 0 already there" in replay(year).stdout
    assert "0 files written, 3 already there" in replay(year).stdout


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (line(quantity="two"), "Quantity 'two' is not a whole number"),
        (line(quantity="1_000"), "Quantity '1_000'"),
        (line(price="2,55").replace("2,55", '"2,55"'), "UnitPrice '2,55' is not a number"),
        (line(price="nan"), "UnitPrice 'nan'"),
        (line(price="123456789"), "more than 8 digits"),
        (line(date="2010-02-30 08:26:00"), "InvoiceDate '2010-02-30 08:26:00'"),
        (line(date="13/1/2010 8:26"), "InvoiceDate '13/1/2010 8:26'"),
        (line(invoice=""), "InvoiceNo is empty"),
        ("1,A1,MUG", "3 fields where the header has 8"),
    ],
)
def test_an_unreadable_line_is_told_with_its_place(year: Year, broken: str, word: str) -> None:
    year.write(line(name='"two\nlines"'), broken)
    assert_refused(replay(year), "year.csv, line 4: ", word, "; mend or remove that line")
    assert not (year.data.parent / "in").exists()


def test_a_missing_column_is_named(year: Year) -> None:
    year.write(line(), header=HEADER.replace("Quantity", "Pieces"))
    assert_refused(replay(year), "line 1", "column Quantity is missing")


def test_a_missing_country_column_is_named(year: Year) -> None:
    year.write(line()).countries.write_text("country_id,name\n1,France\n")
    assert_refused(replay(year), "countries.csv, line 1", "column country is missing")


def test_a_file_without_lines_is_refused(year: Year) -> None:
    assert_refused(replay(year.write()), "no invoice lines")


def test_missing_files_are_named(year: Year) -> None:
    assert_refused(replay(year), "year.csv", "No such file")
    year.write(line()).countries.unlink()
    assert_refused(replay(year), "countries.csv", "No such file")


def test_an_open_quote_is_refused(year: Year) -> None:
    assert_refused(replay(year.write(line(name='"open'))), "year.csv, line 2", "not CSV")


def test_another_encoding_is_refused_with_its_line(year: Year) -> None:
    year.data.write_bytes(f"{HEADER}\n{line()}\n{line(name='£')}\n".encode("latin-1"))
    assert_refused(replay(year), "line 3", "not UTF-8")


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_truncated_archive_is_refused(year: Year, suffix: str, pack: Any) -> None:
    whole = pack("\n".join((HEADER, *(line(invoice=str(n)) for n in range(5000)))).encode())
    year.data = year.data.with_name(f"year.csv{suffix}")
    year.data.write_bytes(whole[:-40])
    assert_refused(replay(year), f"year.csv{suffix}", "truncated or damaged")
    assert not (year.data.parent / "in").exists()


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_what_is_no_archive_is_refused(year: Year, suffix: str) -> None:
    year.data = year.data.with_name(f"year.csv{suffix}")
    year.data.write_text("plain\n")
    assert_refused(replay(year), "truncated or damaged")


def test_a_landing_directory_that_cannot_be_made_is_told_in_one_line(year: Year) -> None:
    year.write(line())
    where = year.data.parent / "file" / "in"
    where.parent.write_text("")
    result = replay(year, "--landing", str(where))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_usage_errors_leave_with_2(year: Year) -> None:
    year.write(line())
    assert replay(year, "--days", "0").exit_code == 2
    done = subprocess.run(
        [sys.executable, "-m", "generators.replay", "--data", str(year.data)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
