"""A transactions file's bytes to bronze rows: what is good, what is malformed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.bronze.transaction_rows import parse
from tests.support.rows import csv_text, line

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
NAMES = (
    "invoice_no", "line_no", "stock_code", "quantity", "invoice_date", "customer_id", "country",
    "problem", "raw_fields", "raw_bytes", "source_line",
)  # fmt: skip
HEADER = b"invoice_no,line_no,stock_code,quantity,invoice_date,customer_id,country\n"
GOOD = {
    "invoice_no": "500001",
    "line_no": 1,
    "stock_code": "A1",
    "quantity": 2,
    "invoice_date": datetime(2025, 3, 3, 10, tzinfo=UTC),
    "customer_id": "C1",
    "country": "France",
    "problem": None,
    "raw_fields": None,
    "raw_bytes": None,
    "source_line": 2,
}


def rows(content: bytes) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in parse(content, START)]


def only(**changed: Any) -> dict[str, Any]:
    """The row of a file of one record."""
    (row,) = rows(csv_text("transactions", [line(**changed)]).encode())
    return row


def test_a_good_record_is_typed_and_keeps_no_text() -> None:
    assert only() == GOOD


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("invoice_no", " 500001 ", "500001"),
        ("stock_code", " a1\t", "A1"),
        ("stock_code", "straße", "STRASSE"),
        ("customer_id", "", None),
        ("customer_id", "  ", None),
        ("customer_id", "007", "007"),
        ("country", "", None),
        ("country", " France ", "France"),
        ("country", "FRANCE", "FRANCE"),
        ("quantity", "-1", -1),
        ("quantity", "+7", 7),
        ("quantity", "007", 7),
        ("quantity", "2147483647", 2147483647),
        ("quantity", "-2147483648", -2147483648),
        ("line_no", "2147483647", 2147483647),
        ("invoice_date", "2000-01-01 00:00:00", datetime(2000, 1, 1, tzinfo=UTC)),
        ("invoice_date", "2024-02-29 23:59:59", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("invoice_date", "2025-03-04 12:00:00", datetime(2025, 3, 4, 12, tzinfo=UTC)),
    ],
)
def test_a_usable_field_gives_its_value(field: str, text: str, value: object) -> None:
    assert only(**{field: text}) == {**GOOD, field: value}


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("invoice_no", "", "invoice_no is missing"),
        ("invoice_no", "  ", "invoice_no is missing"),
        ("line_no", "", "line_no is missing"),
        ("line_no", "0", "line_no: 0 is not from 1 to 2147483647"),
        ("line_no", "-1", "line_no: -1 is not from 1 to 2147483647"),
        ("line_no", "2147483648", "line_no: 2147483648 is not from 1 to 2147483647"),
        ("line_no", "1.0", "line_no: '1.0' is not a whole number"),
        ("stock_code", " ", "stock_code is missing"),
        ("quantity", "", "quantity is missing"),
        ("quantity", "0", "quantity is 0"),
        ("quantity", "-0", "quantity is 0"),
        ("quantity", "2.0", "quantity: '2.0' is not a whole number"),
        ("quantity", "1e3", "quantity: '1e3' is not a whole number"),
        ("quantity", "two", "quantity: 'two' is not a whole number"),
        ("quantity", "٣", "quantity: '٣' is not a whole number"),
        ("quantity", "1_000", "quantity: '1_000' is not a whole number"),
        ("quantity", "2147483648", "quantity: 2147483648 is not from -2147483648 to 2147483647"),
        ("quantity", "-2147483649", "quantity: -2147483649 is not from -2147483648 to 2147483647"),
        ("quantity", "9" * 30, f"quantity: '{'9' * 30}' is not a whole number"),
        ("invoice_date", "", "invoice_date is missing"),
        ("invoice_date", "1999-12-31 23:59:59", "invoice_date: 1999-12-31 23:59:59 is before 2000"),
        (
            "invoice_date",
            "2025-03-04 12:00:01",
            "invoice_date: 2025-03-04 12:00:01 is more than a day past the file's window",
        ),
        *(
            ("invoice_date", text, f"invoice_date: '{text}' is not YYYY-MM-DD HH:MM:SS")
            for text in (
                "2025-02-29 10:00:00",
                "2025-03-03 24:00:00",
                "2025-03-03 10:00:60",
                "2025-03-03T10:00:00",
                "2025-03-03 10:00",
                "2025-03-03 10:00:00.5",
                "2025-03-03 10:00:00Z",
                "2025-3-3 10:00:00",
                "03/03/2025 10:00",
                "٢025-03-03 10:00:00",
            )
        ),
    ],
)
def test_an_unusable_field_is_named_and_the_rest_is_kept(
    field: str, text: str, problem: str
) -> None:
    raw = {name: str(value) for name, value in line(**{field: text.strip()}).items()}
    row = only(**{field: text})
    assert json.loads(row.pop("raw_fields")) == {**raw, field: text}
    assert (
        row.pop("raw_bytes")
        == csv_text("transactions", [line(**{field: text})]).encode()[len(HEADER) :]
    )
    expected = {**GOOD, field: None, "problem": problem}
    assert row == {name: expected[name] for name in row}


def test_all_problems_of_a_record_are_told() -> None:
    row = only(invoice_no="", quantity="x", invoice_date="")
    assert row["problem"] == (
        "invoice_no is missing; quantity: 'x' is not a whole number; invoice_date is missing"
    )
    assert (row["line_no"], row["stock_code"]) == (1, "A1")


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"500001,1,A1,2\n", "4 fields where the header has 7"),
        (b"500001,1,A1,2,2025-03-03 10:00:00,C1,France,x\n", "8 fields where the header has 7"),
        (b"hello\n", "1 fields where the header has 7"),
        (b'500001,1,"A1,2,2025-03-03 10:00:00,C1,France\n', "not CSV: unexpected end of data"),
    ],
)
def test_a_record_of_another_shape_keeps_no_value_but_its_bytes(
    record: bytes, problem: str
) -> None:
    (row,) = rows(HEADER + record)
    assert row["problem"].startswith(problem)
    assert json.loads(row["raw_fields"])["invoice_no"] == record.decode().strip().split(",")[0]
    assert [row[name] for name in NAMES[:7]] == [None] * 7
    assert (row["raw_bytes"], row["source_line"]) == (record, 2)


def test_a_broken_line_loses_only_itself() -> None:
    good = b"500001,1,A1,2,2025-03-03 10:00:00,C1,France\n"
    found = rows(HEADER + b'500000,1,"A1,2,2025-03-03 10:00:00,C1,France\n' + good + good)
    assert [row["problem"] is None for row in found] == [False, True, True]
    assert found[1] == {**GOOD, "source_line": 3}


@pytest.mark.parametrize(
    ("odd", "written"),
    [(b"\x00", "\\x00"), (b"\xe9", "\\xe9"), (b"\xed\xa0\x80", "\\xed\\xa0\\x80")],
)
@pytest.mark.parametrize("place", [0, 2, 5, 6])
def test_bytes_that_postgres_refuses_make_a_record_bad_wherever_they_are(
    place: int, odd: bytes, written: str
) -> None:
    fields = [b"500001", b"1", b"A1", b"2", b"2025-03-03 10:00:00", b"C1", b"France"]
    fields[place] += odd
    (row,) = rows(HEADER + b",".join(fields) + b"\n")
    assert row["problem"] == f"{NAMES[place]} holds bytes that are not UTF-8 text"
    assert row[NAMES[place]] is None
    assert (
        json.loads(row["raw_fields"])[NAMES[place]] == fields[place][: -len(odd)].decode() + written
    )
    assert row["raw_bytes"] == b",".join(fields) + b"\n"


def test_odd_bytes_in_a_column_that_is_not_read_make_a_record_bad_too() -> None:
    content = HEADER[:-1] + b",note\n500001,1,A1,2,2025-03-03 10:00:00,C1,France,caf\xe9\n"
    (row,) = rows(content)
    assert row["problem"] == "a field holds bytes that are not UTF-8 text"
    assert (row["invoice_no"], row["line_no"], row["quantity"]) == ("500001", 1, 2)


def test_columns_come_in_any_order_and_further_ones_are_ignored() -> None:
    content = (
        b"Country, Note ,customer_id,invoice_date,QUANTITY,stock_code,line_no,invoice_no\r\n"
        b'France,"x,y",C1,2025-03-03 10:00:00,2,a1,1,500001\r\n'
    )
    assert rows(content) == [GOOD]


def test_source_lines_count_the_lines_within_quotes() -> None:
    content = HEADER + (
        b'500001,1,A1,2,2025-03-03 10:00:00,C1,"Lost\nCity"\n'
        b"\n"
        b"500002,1,A1,2,2025-03-03 10:00:00,C1,France\n"
    )
    found = rows(content)
    assert [(row["invoice_no"], row["country"], row["source_line"]) for row in found] == [
        ("500001", "Lost\nCity", 2),
        ("500002", "France", 5),
    ]


def test_a_header_alone_gives_no_rows() -> None:
    assert rows(HEADER) == []
