"""Files as the world sends them: whole ones, with faults of bytes, quotes, columns and fields."""

from __future__ import annotations

from random import Random

from tests.robustness.csv_oracle import COLUMNS

NUMBERS = [
    *("0", "-0", "+5", "007", "1e5", "1.0", "0x1F", "٣", "１２", "1_000", "two", "", " ", "--1"),
    *("NaN", "Infinity", "-Infinity", "2147483647", "2147483648", "-2147483648", "-2147483649"),
    *("9" * 18, "9" * 19, "9" * 5000, "1\u00a0000", "٣.٥"),
]
PRICES = [
    *("0", ".5", "5.", ".", "1.50000", "0.00001", "99999999.9999", "100000000", "-1", "1e2", "NaN"),
    *("Infinity", "1,5", "£2", "2.5.1", "+2.5", "٢.٥", "0001.10", "0000000001", "1." + "0" * 5000),
]
MOMENTS = [
    *("0000-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "1999-12-31 23:59:59"),
    *("2000-01-01 00:00:00", "2024-02-29 23:59:59", "2025-02-29 10:00:00", "2025-02-30 10:00:00"),
    *("2025-03-30 01:30:00", "2025-03-30 02:30:00", "2024-10-27 01:30:00", "2025-03-09 02:30:00"),
    *("2016-12-31 23:59:60", "2025-03-03 24:00:00", "2025-03-03T10:00:00", "2025-03-03 10:00"),
    *("2025-3-3 10:00:00", "٢٠٢٥-03-03 10:00:00", "2025-03-03 10:00:00Z", "03/03/2025 10:00", ""),
    *("-2025-03-03 10:00:00", "2025-00-10 10:00:00", "2025-03-03 10:00:00.5", "1e5", "NaN"),
]
TEXTS = [
    *("", " ", "NULL", "\\N", "NaN", "None", "a, b", 'say "hi"', '"', '""', "'", "straße", "ﬁne"),
    *("\u00a0A1\u00a0", "\u2003A1", "\tA1\t", "A1\x1c", "a\x00b", "a\x0bb", "a\x85b", "\u2028"),
    *("two\nlines", "two\r\nlines", "a\rb", "🎉", "\ufeffA1", "\x7f", "\uffff", "\\u0000", "A-1"),
    *("x" * 200, "x" * 201, "é" * 200, "é" * 201, "ŉ" * 200, "=1+1", "../../etc", "%00", "{a,b}"),
]
FIELDS = {
    **dict.fromkeys(("line_no", "quantity", "country_id", "stock_quantity"), NUMBERS),
    "unit_price": PRICES,
    "invoice_date": MOMENTS,
}
NO_FILES = [b"", b"\n", b"\xef\xbb\xbf", b"\x00", b"\r\n\r\n", b"\xff\xfe"]
MORE = ["stock_quantity", "more", "caf\udce9", "a\x00b", "", "n" * 300]
ENCODINGS = ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"]
PIECES = [
    *(b'"', b'""', b"\r", b"\n", b"\r\n", b"\n\n", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    *(b",", b"\t", b"\x1a", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\\", b"'", b";"),
]
HUGE = 1_100_000
CODES = [f"A{number}" for number in range(12)]
COUNTRIES = ["France", "Germany", "Japan", "United Kingdom", "Côte d’Ivoire", "Türkiye"]


class Scribe:
    """Writes one file of a dataset, from a seed."""

    def __init__(self, dataset: str, seed: int, day: str = "2025-03-03") -> None:
        self.dataset, self.day = dataset, day
        self.chance = Random(seed)
        # Half of the files have no faults or few: good ones are to go in beside bad ones.
        self.rate = self.chance.choice([10**9, 60, 15, 4])

    def one_in(self, number: int) -> bool:
        return self.chance.randrange(number) == 0

    def now_and_then(self, share: int) -> bool:
        return self.one_in(max(1, share * self.rate))

    def content(self) -> bytes:
        if self.one_in(30):
            return self.chance.choice(NO_FILES)
        names = self.names()
        header = ",".join(self.header_name(name) for name in names)
        rows = [self.record(names, number) for number in range(self.chance.randrange(12))]
        if rows and self.now_and_then(1):
            rows.append(self.chance.choice(rows))
        return self.mangled(self.encoded([header, *rows]))

    def names(self) -> list[str]:
        names = list(COLUMNS[self.dataset])
        if self.one_in(4):
            self.chance.shuffle(names)
        if self.one_in(3):
            names.insert(self.chance.randrange(len(names) + 1), self.chance.choice(MORE))
        if self.now_and_then(2):
            names.append(self.chance.choice(names))
        if self.now_and_then(2):
            names.remove(self.chance.choice(names))
        return names

    def header_name(self, name: str) -> str:
        return self.chance.choice([*[name] * 6, name.upper(), f" {name} ", quoted(name)])

    def record(self, names: list[str], number: int) -> str:
        row = [self.field(name, number) for name in names]
        if self.now_and_then(2):
            row = self.chance.choice([row[:-1], [*row, "x"], row[:1], [""], [" "], row * 2])
        return ",".join(row)

    def field(self, name: str, number: int) -> str:
        value = self.good(name, number)
        if self.now_and_then(3):
            value = self.chance.choice(FIELDS.get(name, TEXTS))
        if self.rate < 100 and self.one_in(5000):
            value = self.chance.choice(["x", "7", "é", '"'])[:1] * HUGE
        pad = self.chance.choice(["", "", "", " "])
        value = f"{pad}{value}{pad}"
        needs_quotes = any(char in value for char in ',"\r\n')
        if needs_quotes and not self.now_and_then(1):
            return quoted(value)
        return quoted(value) if self.one_in(12) else value

    def good(self, name: str, number: int) -> str:
        """A value of the shop's: invoices and codes meet those of other files."""
        pick = self.chance.choice
        values = {
            "invoice_no": f"{500_000 + self.chance.randrange(400)}",
            "line_no": str(1 + self.chance.randrange(3)),
            "stock_code": pick([code.lower() if self.one_in(9) else code for code in CODES]),
            "quantity": str(pick([1, 2, 6, 12, -1, -3, 2_000_000_000])),
            "invoice_date": f"{self.day} {self.chance.randrange(24):02}:15:00",
            "customer_id": pick(["", "C1", "C2", "17850"]),
            "country": pick(COUNTRIES),
            "unit_price": pick(["2.50", "0", "10", "3.1415", "99999.9999"]),
            "country_id": str(100 + number),
            "iso_code": pick(["FR", "DE", ""]),
            "stock_quantity": "12",
        }
        return values.get(name, f"{name} {number}")

    def encoded(self, rows: list[str]) -> bytes:
        end = self.chance.choice(["\n"] * 6 + ["\r\n"] * 3 + ["\r"])
        last = self.chance.choice([end] * 5 + ["", end * 2])
        text = end.join(rows) + last
        if self.now_and_then(1):
            encoding = self.chance.choice(ENCODINGS)
            return text.replace("\udce9", "é").encode(encoding, "replace")
        return text.encode("utf-8", "surrogateescape")

    def mangled(self, content: bytes) -> bytes:
        """The bytes with some put in, cut out or turned."""
        for _ in range(self.chance.randrange(4) if self.now_and_then(1) else 0):
            at = self.chance.randrange(len(content) + 1)
            kind = self.chance.randrange(3)
            if kind == 0:
                content = content[:at] + self.chance.choice(PIECES) + content[at:]
            elif kind == 1:
                content = content[:at] + content[at + self.chance.randrange(1, 30) :]
            elif content[at : at + 1]:
                content = content[:at] + self.chance.randbytes(1) + content[at + 1 :]
        return content


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
