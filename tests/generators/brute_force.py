"""A warehouse in miniature, written from the design alone: plain Python, no code of the project."""

import csv
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Gold = dict[str, Any]

PRICE = re.compile(r"\d{1,8}(\.\d{1,4})?")
DATED = re.compile(r"\w+_(\d{8})(?:T(\d{4}))?\.csv")


class Record(NamedTuple):
    """A transactions record, where it stands, and the rules it breaks."""

    rank: tuple[datetime, str, int]
    file: str
    fields: list[str]
    rules: list[str]


def records_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(physical line, trimmed fields) of each record after the header."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        next(reader)
        line = reader.line_num + 1
        for row in reader:
            yield line, [field.strip() for field in row]
            line = reader.line_num + 1


def stamp(path: Path) -> datetime:
    found = DATED.fullmatch(path.name)
    assert found, f"{path.name} is no landing file's name"
    return datetime.strptime(found[1] + (found[2] or "0000"), "%Y%m%d%H%M")


def history_of(
    landing: Path,
) -> tuple[dict[str, list[tuple[date, Decimal]]], list[tuple[str, int]]]:
    """Price versions by stock code, and the refused product rows."""
    versions: dict[str, list[tuple[date, Decimal]]] = {}
    last: dict[str, list[str]] = {}
    refused: list[tuple[str, int]] = []
    for path in sorted((landing / "products").glob("*.csv")):
        snapshot: dict[str, list[str]] = {}
        for line, row in records_of(path):
            if is_price(row[3]):
                snapshot[row[0].upper()] = row[1:4]
            else:
                refused.append((path.name, line))
        for code, row in snapshot.items():
            if last.get(code) != row:
                last[code] = row
                versions.setdefault(code, []).append((stamp(path).date(), Decimal(row[2])))
    return versions, refused


@cache
def moment_of(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None


@cache
def is_price(text: str) -> bool:
    return bool(PRICE.fullmatch(text))


def is_malformed(fields: list[str], window: datetime) -> bool:
    if len(fields) != 7 or not all(fields[:5]):
        return True
    if not re.fullmatch(r"-?\d+", fields[3]) or not -(2**31) <= int(fields[3]) < 2**31:
        return True
    moment = moment_of(fields[4])
    if moment is None or moment.year < 2000:
        return True
    return int(fields[3]) == 0 or moment > window + timedelta(hours=4, days=1)


def transaction_records(
    landing: Path, prices: dict[str, list[tuple[date, Decimal]]], countries: set[str]
) -> Iterator[Record]:
    """The records of all files, each file's bytes once."""
    seen: set[str] = set()
    for path in sorted((landing / "transactions").glob("*.csv")):
        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha not in seen:
            seen.add(sha)
            window = stamp(path)
            for line, fields in records_of(path):
                rules = rules_of(fields, window, prices, countries)
                yield Record((window, sha, line), path.name, fields, rules)


def rules_of(
    fields: list[str],
    window: datetime,
    prices: dict[str, list[tuple[date, Decimal]]],
    countries: set[str],
) -> list[str]:
    if is_malformed(fields, window):
        return ["malformed_row"]
    no_price = price_of(fields, prices) is None
    unknown = fields[6] not in countries
    return ["no_price_in_effect"] * no_price + ["unknown_country"] * unknown


def price_of(fields: list[str], prices: dict[str, list[tuple[date, Decimal]]]) -> Decimal | None:
    versions = prices.get(fields[2].upper(), [])
    day = date.fromisoformat(fields[4][:10])
    place = bisect_right(versions, day, key=lambda version: version[0])
    return versions[place - 1][1] if place else None


def identity(record: Record) -> object:
    """The transaction_id where there is one, else the place."""
    whole = len(record.fields) == 7 and all(record.fields[:2])
    return "-".join(record.fields[:2]) if whole else record.rank


def gold_of(landing: Path) -> Gold:
    """What gold must hold after one big load of every file in `landing`."""
    prices, refused = history_of(landing)
    first_master = min((landing / "countries").glob("*.csv"))
    countries = {row[1] for _, row in records_of(first_master)}
    winners: dict[object, Record] = {}
    lines_in = 0
    for record in transaction_records(landing, prices, countries):
        lines_in += 1
        held = winners.setdefault(identity(record), record)
        winners[identity(record)] = max(held, record, key=lambda each: each.rank)
    loaded = {key: record for key, record in winners.items() if not record.rules}
    errors = [record for record in winners.values() if record.rules]
    return {
        "lines_in": lines_in,
        "superseded": lines_in - len(winners),
        "loaded": {key: record.fields for key, record in loaded.items()},
        "errors": {(each.file, each.rank[2]): each.rules for each in errors},
        "errors_by_rule": dict(Counter(rule for each in errors for rule in each.rules)),
        "amounts": {
            key: int(record.fields[3]) * (price_of(record.fields, prices) or Decimal(0))
            for key, record in loaded.items()
        },
        "refused": refused,
        "products": len(prices),
        "product_versions": sum(map(len, prices.values())),
    }
