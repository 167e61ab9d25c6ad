"""The split stream: each line's rules, its price, its keys; one pass over all cases."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from jobs.common.contracts import COUNTRIES, TRANSACTIONS_RAW
from jobs.gold import keys
from jobs.gold.split_stream import RULES, transform
from jobs.gold.staging import LINES
from tests.gold.keys import as_number

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
SHA = "0123456789abcdef" * 4
AT = datetime(2025, 3, 3, 23, 30, tzinfo=UTC)
FRANCE = (250, "France", "FR", "Europe", "Western Europe", date(2025, 1, 1))
PRICES = [
    ("A1", 7, 25_000, date(2025, 3, 3)),
    ("A1", 8, 99_999, date(2025, 3, 4)),
    ("DEAR", 9, 999_999_999_999, date(2025, 3, 3)),
    ("FREE", 10, 0, date(2025, 3, 3)),
]

GOOD: Row = {
    "invoice_no": "500001",
    "line_no": 3,
    "stock_code": "A1",
    "quantity": 2,
    "invoice_date": AT,
    "customer_id": "C1",
    "country": "France",
    "problem": None,
    "raw_fields": None,
    "raw_bytes": None,
    "window_start": datetime(2025, 3, 3, 20, tzinfo=UTC),
    "source_file": "transactions_20250303T2000.csv",
    "source_line": 2,
    "file_sha256": SHA,
    "batch_id": 1,
}
MALFORMED: Row = {"problem": "quantity is 0", "quantity": None, "raw_fields": '{"quantity": "0"}'}

# A name for each case: what its line has other than a good one.
CASES: dict[str, Row] = {
    "good": {},
    "guest": {"customer_id": None},
    "return": {"quantity": -3},
    "next day": {"invoice_date": datetime(2025, 3, 4, 0, 0, tzinfo=UTC)},
    "free": {"stock_code": "FREE"},
    "no price": {"stock_code": "NONE"},
    "no price that day": {"invoice_date": datetime(2025, 3, 2, 23, 59, 59, tzinfo=UTC)},
    "unknown country": {"country": "Narnia"},
    "country in other letters": {"country": "france"},
    "no country": {"country": None},
    "no price, unknown country": {"stock_code": "NONE", "country": "Narnia"},
    "malformed": MALFORMED,
    "malformed, unknown country": {**MALFORMED, "country": "Narnia"},
    "malformed, without a day": {**MALFORMED, "invoice_date": None, "stock_code": None},
    "malformed, without an invoice": {**MALFORMED, "invoice_no": None},
    "malformed, without a line number": {**MALFORMED, "line_no": None},
    "a total of 14 digits": {"stock_code": "DEAR", "quantity": 1_000_000},
    "a total of 15 digits": {"stock_code": "DEAR", "quantity": 1_000_001},
    "a total of 15 digits, unknown country": {
        "stock_code": "DEAR",
        "quantity": -(2**31),
        "country": "Narnia",
    },
    "looked at again": {"is_new": False},
    "closed": {"is_closed": True},
    "closed, unknown country": {"is_closed": True, "country": "Narnia"},
    "closed, malformed": {"is_closed": True, **MALFORMED},
    "closed, a total of 15 digits": {
        "is_closed": True,
        "stock_code": "DEAR",
        "quantity": 1_000_001,
    },
    "awkward text": {"customer_id": 'a "b"\n\\N,', "country": "Narnia"},
}


def key_of(text: str) -> int:
    """First 15 hex digits of a text's SHA-256."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)


@pytest.fixture(scope="module")
def lines(spark: SparkSession) -> dict[str, Row]:
    """What the stream makes of each case."""
    rows = [
        tuple({"is_new": True, "is_closed": False, **GOOD, **changed, "source_line": n}.values())
        for n, changed in enumerate(CASES.values())
    ]
    schema = f"is_new boolean, is_closed boolean, {TRANSACTIONS_RAW.schema}"
    given = spark.createDataFrame(rows, schema)
    prices = spark.createDataFrame(
        PRICES, "stock_code string, product_sk bigint, unit_price bigint, day date"
    )
    countries = spark.createDataFrame([FRANCE], COUNTRIES.schema)
    days = given.withColumn("day", F.to_date("invoice_date"))
    found = transform(days.join(prices, ["stock_code", "day"], how="left"), countries)
    assert found.columns == LINES.column_names
    names = list(CASES)
    collected = [row.asDict() for row in found.collect()]
    assert len(collected) == len(names)
    for row in collected:
        row |= {name: as_number(row[name]) for name in ("customer_sk", "file_key")}
    return {names[row["source_line"]]: row for row in collected}


GOOD_LINE: Row = {
    "transaction_id": "500001-3",
    "product_sk": 7,
    "customer_sk": key_of("C1"),
    "country_sk": 250,
    "date_sk": 20250303,
    "invoice_no": "500001",
    "invoice_date": AT.replace(tzinfo=None),
    "quantity": 2,
    "unit_price": 25_000,
    "total_amount": 50_000,
    "file_key": int(SHA[:15], 16),
    "source_line": 0,
    "is_new": True,
    "customer_id": "C1",
    "rules": None,
    "raw": None,
}


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        ("good", {}),
        ("guest", {"customer_id": None, "customer_sk": -1}),
        ("return", {"quantity": -3, "total_amount": -75_000}),
        (
            "next day",
            {
                "product_sk": 8,
                "date_sk": 20250304,
                "invoice_date": datetime(2025, 3, 4),
                "unit_price": 99_999,
                "total_amount": 199_998,
            },
        ),
        (
            "free",
            {
                "product_sk": 10,
                "unit_price": 0,
                "total_amount": 0,
            },
        ),
        (
            "a total of 14 digits",
            {
                "product_sk": 9,
                "quantity": 1_000_000,
                "unit_price": 999_999_999_999,
                "total_amount": 999_999_999_999_000_000,
            },
        ),
        ("looked at again", {"is_new": False}),
    ],
)
def test_a_good_line_is_priced_and_keyed(lines: dict[str, Row], case: str, changed: Row) -> None:
    expected = {**GOOD_LINE, **changed, "source_line": list(CASES).index(case)}
    assert lines[case] == expected


@pytest.mark.parametrize(
    ("case", "rules"),
    [
        ("no price", "{no_price_in_effect}"),
        ("no price that day", "{no_price_in_effect}"),
        ("unknown country", "{unknown_country}"),
        ("country in other letters", "{unknown_country}"),
        ("no country", "{unknown_country}"),
        ("no price, unknown country", "{no_price_in_effect,unknown_country}"),
        ("malformed", "{malformed_row}"),
        ("malformed, unknown country", "{malformed_row}"),
        ("malformed, without a day", "{malformed_row}"),
        ("malformed, without an invoice", "{malformed_row}"),
        ("malformed, without a line number", "{malformed_row}"),
        ("a total of 15 digits", "{malformed_row}"),
        ("a total of 15 digits, unknown country", "{malformed_row,unknown_country}"),
        ("closed", "{archived_month}"),
        ("closed, unknown country", "{unknown_country}"),
        ("closed, malformed", "{malformed_row}"),
        ("closed, a total of 15 digits", "{malformed_row}"),
        ("awkward text", "{unknown_country}"),
    ],
)
def test_a_line_in_error_names_all_rules_it_broke_sorted(
    lines: dict[str, Row], case: str, rules: str
) -> None:
    assert lines[case]["rules"] == rules
    assert rules[1:-1].split(",") == sorted(rules[1:-1].split(","))


def test_every_case_is_judged_by_one_of_the_tests(lines: dict[str, Row]) -> None:
    assert {row["rules"] is None for row in lines.values()} == {True, False}
    assert set(RULES) == {
        rule for row in lines.values() if row["rules"] for rule in row["rules"][1:-1].split(",")
    }


@pytest.mark.parametrize(
    ("case", "transaction_id"),
    [
        ("malformed", "500001-3"),
        ("malformed, without a day", "500001-3"),
        ("malformed, without an invoice", None),
        ("malformed, without a line number", None),
    ],
)
def test_a_line_has_an_id_when_invoice_and_line_number_can_be_read(
    lines: dict[str, Row], case: str, transaction_id: str | None
) -> None:
    assert lines[case]["transaction_id"] == transaction_id


def test_the_raw_fields_of_an_unreadable_line_are_bronze_s(lines: dict[str, Row]) -> None:
    assert lines["malformed"]["raw"] == '{"quantity": "0"}'


@pytest.mark.parametrize("case", ["no price", "no country", "awkward text", "a total of 15 digits"])
def test_the_raw_fields_of_a_readable_line_are_its_values_as_text(
    lines: dict[str, Row], case: str
) -> None:
    line = {**GOOD, **CASES[case]}
    names = list(GOOD)[:7]
    expected = {name: line[name] if line[name] is None else str(line[name]) for name in names}
    expected["invoice_date"] = "2025-03-03 23:30:00"
    assert json.loads(lines[case]["raw"]) == expected


def test_keys_are_the_first_15_hex_digits_of_a_hash(spark: SparkSession) -> None:
    chance = Random(3)
    alphabet = "AZ09 aé🎉|-\\\"'"
    texts = ["", *("".join(chance.choices(alphabet, k=chance.randint(1, 12))) for _ in range(300))]
    days = [date.fromordinal(chance.randint(date(2000, 1, 1).toordinal(), 800_000)) for _ in texts]
    frame = spark.createDataFrame(list(zip(texts, days, strict=True)), "t string, d date")
    found = frame.select(
        keys.product_sk(F.col("t"), F.col("d")),
        keys.customer_sk(F.col("t")),
        keys.date_sk(F.col("d")),
    ).collect()
    assert [(as_number(row[0]), as_number(row[1]), row[2]) for row in found] == [
        (key_of(f"{text}|{day:%Y-%m-%d}"), key_of(text), int(f"{day:%Y%m%d}"))
        for text, day in zip(texts, days, strict=True)
    ]
    packed = pa.array([bytes(row[0]) for row in found])
    assert keys.numbers(packed).to_pylist() == [as_number(row[0]) for row in found]
    assert keys.numbers(packed[7:]).to_pylist() == [as_number(row[0]) for row in found[7:]]
