"""Parsed files of erased customers: their rows are a guest's before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from jobs.bronze.guests import as_guests, names
from jobs.bronze.layouts import TRANSACTIONS
from jobs.bronze.parsing import parsed
from jobs.common.landing import LandingFile
from tests.privacy.shop import ANN, BEA, CLEO, first_file
from tests.support.rows import csv_text, line

START = datetime(2025, 3, 3, 8, tzinfo=UTC)


def rows_of(*contents: str) -> pa.Table:
    files = [LandingFile(f"{n}.csv", "", 0, START, f"hash {n}") for n, _ in enumerate(contents)]
    read = zip(files, (text.encode() for text in contents), strict=True)
    return pa.concat_tables(parsed(read, TRANSACTIONS, 1))


def test_customers_are_told_by_file_and_of_unreadable_rows_all_fields() -> None:
    found = names(rows_of(first_file(), csv_text("transactions", [line(customer_id=CLEO)])))

    pairs = {(row["file_sha256"], row["customer_id"]) for row in found.to_pylist()}
    short = ("500006", "1", "A1", "2025-03-03 10:00:00", "France")
    assert pairs == {
        *(("hash 0", name) for name in (ANN, BEA, CLEO, *short)),
        ("hash 1", CLEO),
    }
    assert names(rows_of(first_file()).slice(0, 0)).num_rows == 0


def test_their_rows_are_a_guests_and_all_others_stay() -> None:
    before = rows_of(first_file())

    after = as_guests(frozenset({ANN}))(before)

    changed = {
        old["invoice_no"] or "short": (old, new)
        for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True)
        if old != new
    }
    assert after.schema == before.schema
    assert changed.keys() == {"500001", "500004", "500005", "short"}
    assert all(new["customer_id"] is None for _, new in changed.values())
    assert changed["500005"][1]["raw_bytes"] == b"500005,1,A1,x,2025-03-03 10:00:00,,France\n"
    assert '"customer_id": null' in changed["500005"][1]["raw_fields"]
    assert changed["short"][1]["raw_bytes"] == b"500006,1,A1,2025-03-03 10:00:00,,France\n"
    assert '"quantity": "2025-03-03 10:00:00"' in changed["short"][1]["raw_fields"]
