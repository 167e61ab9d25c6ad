"""Records without a customer: a whole field goes, all else stays byte for byte."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.bronze.redaction import BadRow, customers_in, file_without, names_one, redacted, without

HEADER = b"invoice_no,line_no,stock_code,quantity,invoice_date,customer_id,country\n"


@pytest.mark.parametrize(
    ("record", "column", "expected"),
    [
        ("1,2,123,1234\n", None, "1,2,,1234\n"),
        ("1,2,123,1234\n", 2, "1,2,,1234\n"),
        ("1,2,123,1234\n", 3, "1,2,123,1234\n"),
        ('"123", 123 ,x123,"1""23"\r\n', None, ",,x123,\"1\"\"23\"\r\n"),
        ('a,"b,123,c",123', None, 'a,"b,123,c",'),
        ("123", None, ""),
        (",,123", None, ",,"),
        ('1,"123,9\n', None, '1,,9\n'),
        ("", None, ""),
    ],
)  # fmt: skip
def test_a_field_that_is_the_number_is_emptied(
    record: str, column: int | None, expected: str
) -> None:
    assert without(record, {"123"}, column) == expected


FIELD = st.text(st.sampled_from('12,"\n ax'), max_size=5)


@given(st.lists(FIELD, min_size=2, max_size=5), st.data())
def test_of_a_record_that_csv_writes_one_field_becomes_empty(
    fields: list[str], data: st.DataObject
) -> None:
    number = "1x2"
    place = data.draw(st.integers(0, len(fields) - 1))
    out = io.StringIO()
    csv.writer(out).writerow([*fields[:place], number, *fields[place + 1 :]])

    found = without(out.getvalue(), {number}, place)

    assert list(csv.reader(io.StringIO(found, newline=""))) == [
        [*fields[:place], "", *fields[place + 1 :]]
    ]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (b"1,1,A,2,d,123,F\n1,2,A,123,d,9,F\n", b"1,1,A,2,d,,F\n1,2,A,123,d,9,F\n"),
        (b"1,1,A,2,d,1234,F\n", b"1,1,A,2,d,1234,F\n"),
        (b"1,1,A,d,123,F\n", b"1,1,A,d,,F\n"),
        (b"1,1,A,2,d,123,F,more\r\n", b"1,1,A,2,d,,F,more\r\n"),
        (b'1,1,"A\n1,2,A,2,d,123,F\n', b'1,1,"A\n1,2,A,2,d,,F\n'),
        (b'1,1,"A\nB",2,d,123,F\n\n1,2,A,2,d,7,F', b'1,1,"A\nB",2,d,,F\n\n1,2,A,2,d,7,F'),
        (b"1,1,\xff,2,d,123,F\n", b"1,1,\xff,2,d,,F\n"),
    ],
)
def test_a_file_keeps_all_its_other_bytes(records: bytes, expected: bytes) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        assert file_without(mark + HEADER + records, {"123"}) == mark + HEADER + expected


def test_of_what_has_no_column_for_customers_any_field_can_be_one() -> None:
    letter = b"123 \n,note,123\n123,1234,x\n"

    assert file_without(letter, {"123"}) == b"\n,note,\n,1234,x\n"
    assert customers_in(letter) == {"123", "note", "1234", "x"}
    assert customers_in(HEADER + b"1,1,A,2,d, 123 ,F\n") == {"customer_id", "123"}


def bad(customer: str | None, readable: bool, fields: str, text: bytes) -> BadRow:
    return BadRow(customer, readable, "quantity: 123 is odd, 1234 not", fields, text)


def test_a_bad_record_of_another_customer_is_not_theirs() -> None:
    others = bad("9", True, '{"quantity": "123", "customer_id": "9"}', b"123,9\n")
    guests = bad(None, True, '{"quantity": "123", "customer_id": ""}', b"123,\n")

    assert not names_one(others, {"123"})
    assert not names_one(guests, {"123"})


def test_a_readable_record_loses_the_customers_field_alone() -> None:
    row = bad("123", True, '{"quantity": "123", "customer_id": " 123"}', b"123, 123\n")

    assert names_one(row, {"123"})
    assert redacted(row, {"123"}) == bad(
        None, True, '{"quantity": "123", "customer_id": null}', b"123,\n"
    )


def test_an_unreadable_record_loses_every_field_that_is_the_number() -> None:
    fields = '{"quantity": "123", "customer_id": "F", "_extra": ["123", "1234"]}'
    row = bad(None, False, fields, b"123,F,123,1234\n")

    assert names_one(row, {"123"})
    clean = bad(None, False, fields.replace('"123"', "null"), b",F,,1234\n")
    assert redacted(row, {"123"}) == replace(clean, problem="quantity: … is odd, 1234 not")
