"""Whatever is in a file, reading columns gives exactly the rows that reading records gives."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.bronze import parsing
from jobs.bronze.layouts import COUNTRIES, PRODUCTS, TRANSACTIONS
from jobs.bronze.parsing import Layout, batches, parsed
from jobs.bronze.plain_text import plain_text
from jobs.bronze.records import BOM, header_of, header_problem
from jobs.common.landing import LandingFile
from tests.support.rows import HEADERS, csv_text, line, product

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
BATCH = 7

NUMBERS = [
    *(
        "1",
        "2",
        "12",
        "-3",
        "0",
        "-0",
        "+5",
        "007",
        "1e5",
        "1.0",
        "0x1F",
        "0x12",
        "٣",
        "1_000",
        "two",
    ),
    *("999999999", "1000000000", "2147483647", "2147483648", "-2147483648", "9" * 30),
]
PRICES = [
    *("0", "2.5", "1.50000", ".5", "5.", "99999999.9999", "100000000", "0.00001", "-1", "1e2"),
    *("0001.10", "0000000001", ".", "NaN", "1,5", "£2", "1 000", "+2.5", "2.5.1"),
]
MOMENTS = [
    *("2025-03-03 10:00:00", "2024-02-29 23:59:59", "2025-02-29 10:00:00", "2025-02-28 00:00:00"),
    *("2025-03-04 12:00:00", "2025-03-04 12:00:01", "2025-03-04 13:00:00", "2000-01-01 00:00:00"),
    *("1999-12-31 23:59:59", "2100-01-01 00:00:00", "2024-04-31 10:00:00", "2024-12-31 10:00:00"),
    *("2025-03-03T10:00:00", "2025-03-03 10:00", "2025-03-03 24:00:00", "2025-03-03 10:00:60"),
    *("2025-13-01 10:00:00", "2025-00-10 10:00:00", "2025-3-3 10:00:00", "٢025-03-03 10:00:00"),
]
TEXTS = [
    *("A1", "a1", "B2", "", " ", "RED MUG", "red, with dots", 'a 5" one', "straße", "ŉ", "ﬁne"),
    *("\u00a0A1\u00a0", "\u2003A1", "A1\x1c", "\tA1\t", "a\x00b", "a\x0bb", "a\x85b", "\u2028"),
    *("x" * 200, "x" * 201, "é" * 200, "é" * 201),
    *("two\nlines", "two\r\nlines", "a\rb", "🎉", "NULL", "\\N", "NaN", "\ufeffA1", "\x7f"),
]
FIELDS = {
    "invoice_no": TEXTS,
    "line_no": NUMBERS,
    "stock_code": TEXTS,
    "quantity": NUMBERS,
    "invoice_date": MOMENTS,
    "unit_price": PRICES,
    "stock_quantity": NUMBERS,
    "country_id": NUMBERS,
}
DATASETS = {"transactions": TRANSACTIONS, "products": PRODUCTS, "countries": COUNTRIES}
GOOD = {
    **line(),
    **product(),
    "country_id": "250",
    "iso_code": "FR",
    "region": "Europe",
    "sub_region": "West",
    "stock_quantity": "12",
}
PIECES = [b'"', b"\r", b"\n", b"\r\n", b"\x00", b"\xff", b"\xc3", b"\xa0", b" ", b",", b"\t", b'""']


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


class Scribe:
    """Writes files of a dataset with faults here and there; no header is one to be refused."""

    def __init__(self, dataset: str, seed: int) -> None:
        self.names = HEADERS[dataset]
        self.chance = Random(seed)

    def one_in(self, number: int) -> bool:
        return self.chance.randrange(number) == 0

    def file(self) -> bytes:
        names = list(self.names)
        if self.one_in(2):
            names += self.chance.choice([["stock_quantity"], ["stock_quantity"] * 2, ["more"]])
        if self.one_in(4):
            self.chance.shuffle(names)
        header = [self.shown(name) for name in names] if self.one_in(2) else names
        rows = [self.record(names, number) for number in range(self.chance.randrange(14))]
        if rows and self.one_in(10):
            rows.append(self.chance.choice(rows))
        return self.written([",".join(header), *rows])

    def shown(self, name: str) -> str:
        return self.chance.choice([name, name, name, name.upper(), f" {name}", quoted(name)])

    def record(self, names: list[str], number: int) -> str:
        row = [self.field(name, number) for name in names]
        if self.one_in(20):
            row = self.chance.choice([row[:-1], [*row, "x"], row[:1], [""], [" "]])
        return ",".join(row)

    def field(self, name: str, number: int) -> str:
        """As it stands in the file: mostly good, and mostly written as it should be."""
        value = str(GOOD.get(name, "x"))
        if name in ("invoice_no", "stock_code", "country_id"):
            value = f"{value}{number}"
        if self.one_in(25):
            value = self.chance.choice(FIELDS.get(name, TEXTS))
        pad = self.chance.choice(["", "", "", "", " ", "  "])
        value = f"{pad}{value}{pad}"
        needs_quotes = any(c in value for c in ',"\r\n')
        if (needs_quotes and not self.one_in(20)) or self.one_in(20):
            return quoted(value)
        return value

    def written(self, rows: Sequence[str]) -> bytes:
        end = self.chance.choice(["\n"] * 8 + ["\r\n"] * 3 + ["\r"])
        last = self.chance.choice([end] * 6 + ["", "", end * 2])
        content = self.chance.choice([b"", b"", BOM]) + (end.join(rows) + last).encode()
        start = len(BOM + rows[0].encode())
        if len(content) > start and self.one_in(4):
            at = self.chance.randint(start, len(content))
            content = content[:at] + self.chance.choice(PIECES) + content[at:]
        return content


def files(read: Sequence[bytes]) -> list[tuple[LandingFile, bytes]]:
    return [
        (
            LandingFile(
                *(f"file {n:02}", f"file:/{n}", len(content), START + timedelta(hours=4 * n)),
                hashlib.sha256(content).hexdigest(),
            ),
            content,
        )
        for n, content in enumerate(read)
    ]


def by_columns(read: Sequence[bytes], layout: Layout) -> list[tuple[Any, ...]]:
    found = list(batches(parsed(files(read), layout, BATCH)))
    assert all(batch.schema == layout.schema for batch in found)
    rows = [tuple(row.values()) for batch in found for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: row[-4])  # by file; of one, as they come


def by_records(read: Sequence[bytes], layout: Layout) -> list[tuple[Any, ...]]:
    return [
        (*row[:-1], file.stamp, file.name, row[-1], file.sha256, BATCH)
        for file, content in files(read)
        for row in layout.parse(content, file.stamp)
    ]


def assert_same(read: Sequence[bytes], layout: Layout) -> None:
    found, expected = by_columns(read, layout), by_records(read, layout)
    assert found == expected
    # 2.5 equals 2.5000
    assert [[str(v) for v in row[:5]] for row in found] == [
        [str(v) for v in row[:5]] for row in expected
    ]


@pytest.mark.parametrize("dataset", DATASETS)
@given(seed=st.integers(0, 2**32))
def test_columns_and_records_give_the_same_rows(dataset: str, seed: int) -> None:
    scribe = Scribe(dataset, seed)
    read = [scribe.file() for _ in range(scribe.chance.randint(1, 8))]
    usable = [c for c in read if not header_problem(header_of(c), HEADERS[dataset])]
    assert_same(usable, DATASETS[dataset])


@given(st.binary(max_size=80) | st.text('",\n\r ab1\x00é', max_size=40).map(str.encode))
@example(b'x"y,1\n')
@example(b'"x"y,1,1,1\n')
@example(b'"x\n')
def test_no_bytes_after_a_header_are_read_otherwise(rest: bytes) -> None:
    assert_same([b"stock_code,description,category,unit_price\n" + rest], PRODUCTS)


QUOTED = st.lists(
    st.sampled_from(['"', ",", "\n", "a", '""', '"a"', '"a""b"', '"a,b"']), max_size=14
)


@given(QUOTED.map("".join))
@settings(max_examples=1500)
def test_quotes_wherever_they_stand_are_read_alike(rest: str) -> None:
    assert_same([f"stock_code,description,category,unit_price\nA,{rest},K,1\nB,b,K,2\n".encode()],
                PRODUCTS)  # fmt: skip


def test_rows_of_many_files_come_in_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "BATCH_ROWS", 25)
    read = [
        csv_text("transactions", [line(f"{n}{m}") for m in range(4)]).encode() for n in range(20)
    ]
    found = list(batches(parsed(files(read), TRANSACTIONS, BATCH)))
    assert [len(batch) for batch in found] == [25, 3, 25, 3, 24]
    assert_same(read, TRANSACTIONS)


@pytest.mark.parametrize(
    ("content", "odd"),
    [
        (b"a,b\n1,2\n", []),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", []),
        (b'a,b\n"1,""2""",\n1,caf\xc3\xa9\n', [1]),
        (b"a,b\n1,\x00\n1,2\n\xff,2", [0, 2]),
    ],
)
def test_lines_that_all_read_alike_are_plain(content: bytes, odd: list[int]) -> None:
    text = plain_text(content)
    assert text is not None
    assert sorted({*range(text.total)} - {*text.numbers.tolist()}) == odd


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\na,b\n",
        b"a,b\n\n1,2\n",
        b"a,b\n1,2\r\n3,4\n",
        b"a,b\r1,2\r",
        b'a,b\n"1\n2",3\n',
        b'a,b\n1,5" x 5"\n',
        b'a,b\n"1"x,2\n',
        b'a,b\n"1,2\n',
        b'"a",b\n1,2\n',
        "ä,b\n1,2\n".encode(),
    ],
)
def test_what_readers_may_take_otherwise_is_not_plain(content: bytes) -> None:
    text = plain_text(content)
    assert text is None or text.header == []
