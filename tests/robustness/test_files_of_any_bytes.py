"""Whatever bytes a file has, its records become the rows that the design says, none is lost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.bronze.layouts import COUNTRIES, PRODUCTS, TRANSACTIONS
from jobs.bronze.parsing import Layout, parsed
from jobs.bronze.records import CsvText, header_of, header_problem, is_utf_16
from jobs.common.landing import HEAD_BYTES, LandingFile
from tests.robustness import csv_oracle as oracle
from tests.robustness.scribe import Scribe

WINDOW = datetime(2025, 3, 3, 8, tzinfo=UTC)
LAYOUTS = {"transactions": TRANSACTIONS, "products": PRODUCTS, "countries": COUNTRIES}
SEEDS = st.integers(0, 2**64)


def taken(dataset: str, content: bytes) -> bool:
    """Whether we take the file, by its first bytes."""
    head = content[:HEAD_BYTES].partition(b"\n")[0]
    required = tuple(oracle.COLUMNS[dataset])
    return not is_utf_16(head) and header_problem(header_of(head), required) is None


def rows_of(content: bytes, layout: Layout) -> list[dict[str, Any]]:
    sha = hashlib.sha256(content).hexdigest()
    file = LandingFile("a file", "file:/a", len(content), WINDOW, sha)
    return [row for table in parsed([(file, content)], layout, 7) for row in table.to_pylist()]


def as_line(row: dict[str, Any]) -> oracle.Line:
    number, invoice = row["line_no"], row["invoice_no"]
    tid = f"{invoice}-{number}" if number is not None and invoice is not None else None
    if row["problem"] is not None:
        return oracle.Line(row["source_line"], False, tid)
    names = ("stock_code", "quantity", "invoice_date", "customer_id", "country")
    return oracle.Line(row["source_line"], True, tid, *(row[name] for name in names))


@given(seed=SEEDS)
def test_each_record_of_a_log_is_a_row(seed: int) -> None:
    check_log(seed)


def check_log(seed: int) -> None:
    content = Scribe("transactions", seed).content()
    expected = oracle.transactions(content, WINDOW)
    assert taken("transactions", content) == (expected is not None)
    if expected is not None:
        assert [as_line(row) for row in rows_of(content, TRANSACTIONS)] == expected


@pytest.mark.parametrize("dataset", ["products", "countries"])
@given(seed=SEEDS)
def test_each_record_of_a_list_is_good_doubled_or_bad(dataset: str, seed: int) -> None:
    check_list(dataset, seed)


def check_list(dataset: str, seed: int) -> None:
    content = Scribe(dataset, seed).content()
    expected = oracle.master(dataset, content)
    assert taken(dataset, content) == (expected is not None)
    if expected is None:
        return
    rows = rows_of(content, LAYOUTS[dataset])
    columns = oracle.COLUMNS[dataset]
    good = [tuple(row[name] for name in columns) for row in rows if row["verdict"] == "good"]
    assert {row[0]: row for row in good} == expected.good
    assert len(good) == len(expected.good)
    assert [row["source_line"] for row in rows if row["verdict"] == "bad"] == expected.bad
    assert sum(row["verdict"] == "double" for row in rows) == expected.doubled


@given(st.binary(max_size=120) | st.text('",\n\r ab1\x00é', max_size=60).map(str.encode))
def test_no_bytes_after_a_header_make_a_record_vanish(rest: bytes) -> None:
    content = ",".join(oracle.COLUMNS["transactions"]).encode() + b"\n" + rest
    expected = oracle.transactions(content, WINDOW)
    assert [as_line(row) for row in rows_of(content, TRANSACTIONS)] == expected


def test_a_file_of_nothing_but_open_quotes_is_read_in_time_that_grows_as_it_does() -> None:
    row = b'1,1,A1,"2,2025-03-03 10:00:00,C1,France\n'
    started = time.process_time()
    records = CsvText(b"h,i\n" + row * 150_000).records(7)
    assert [record.line for record in records] == list(range(1, 150_002))
    assert time.process_time() - started < 10  # a copy of the rest for each line takes minutes


@pytest.mark.long
@pytest.mark.parametrize("dataset", LAYOUTS)
def test_of_thousands_of_files_too(
    dataset: str, record_property: Callable[[str, object], None]
) -> None:
    seeds = range(1_000_000, 1_002_000)
    for seed in seeds:
        check_log(seed) if dataset == "transactions" else check_list(dataset, seed)
    record_property("files read against another reading of the rules", len(seeds))
