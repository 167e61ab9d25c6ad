"""Landing files appear whole, once, in the bytes that the design fixes."""

import csv
import io
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.landing import (
    CsvText,
    countries_file,
    csv_record,
    deliver,
    products_file,
    transactions_file,
    window_of,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def test_names_carry_the_window_or_the_date() -> None:
    window = window_of(datetime(2025, 3, 9, 11, 59, 59))
    assert transactions_file(window, b"").name == "transactions_20250309T0800.csv"
    assert products_file(date(2025, 3, 9), b"").name == "products_20250309.csv"
    assert countries_file(date(2025, 3, 9), b"").name == "countries_20250309.csv"


def test_a_file_goes_to_the_folder_of_its_kind(tmp_path: Path) -> None:
    assert deliver(tmp_path, products_file(date(2025, 3, 9), b"x\n"))
    assert (tmp_path / "products" / "products_20250309.csv").read_bytes() == b"x\n"


def test_the_same_bytes_are_written_once(tmp_path: Path) -> None:
    file = products_file(date(2025, 3, 9), b"x\n")
    assert deliver(tmp_path, file)
    assert not deliver(tmp_path, file)


def test_what_is_done_is_not_written_again(tmp_path: Path) -> None:
    file = products_file(date(2025, 3, 9), b"x\n")
    done = tmp_path / "done" / "products"
    done.mkdir(parents=True)
    (done / file.name).write_bytes(file.content)
    assert not deliver(tmp_path, file)
    assert not (tmp_path / "products").exists()


def test_other_bytes_of_a_done_name_are_written(tmp_path: Path) -> None:
    done = tmp_path / "done" / "products"
    done.mkdir(parents=True)
    (done / "products_20250309.csv").write_bytes(b"y\n")
    assert deliver(tmp_path, products_file(date(2025, 3, 9), b"x\n"))


def test_a_file_is_renamed_into_place_from_a_dot_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames: list[tuple[Path, bytes]] = []
    replace = Path.replace

    def spy(self: Path, target: Path) -> Path:
        renames.append((self, self.read_bytes()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", spy)
    deliver(tmp_path, products_file(date(2025, 3, 9), b"whole\n"))
    ((source, content),) = renames
    assert source.parent == tmp_path / "products"
    assert source.name.startswith(".")
    assert content == b"whole\n"


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        deliver(tmp_path, products_file(date(2025, 3, 9), b"x\n"))
    assert list((tmp_path / "products").iterdir()) == []


def test_a_record_s_line_counts_the_line_feeds_before_it() -> None:
    text = CsvText(["code", "name"])
    lines = [text.append(row) for row in (["1", "a"], ["2", "two\nlines"], ["3", "c"])]
    assert lines == [2, 3, 5]
    assert text.content().decode().split("\n")[lines[2] - 1] == "3,c"


@given(st.lists(TEXT, min_size=2, max_size=5))
def test_any_text_comes_back_from_its_record(fields: list[str]) -> None:
    record = csv_record(fields)
    assert record.endswith("\n")
    assert list(csv.reader(io.StringIO(record, newline=""), strict=True)) == [fields]
