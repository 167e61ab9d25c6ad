"""A delivery of many files, and what must become of each and of all, by brute force."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random

from tests.robustness import csv_oracle as oracle
from tests.robustness.csv_oracle import COLUMNS, Line, Listed
from tests.robustness.scribe import CODES, COUNTRIES, HUGE, Scribe

FIRST_DAY = date(2025, 1, 1)
FIRST_WINDOW = datetime(2025, 2, 1, tzinfo=UTC)
LARGEST_TOTAL = Decimal(10) ** 14
MANY = 70  # products and countries files of a batch; of transactions, what is left


@dataclass(frozen=True)
class Sent:
    """A file as it is delivered."""

    dataset: str
    name: str
    stamp: datetime
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def batch(seed: int, files: int) -> list[Sent]:
    """So many files: whole ones at the start of each kind, some with 1 MB fields, some twice."""
    chance = Random(seed)
    lists = files * MANY // 200
    sent = [*_lists("products", lists, chance), *_lists("countries", lists, chance)]
    logs: list[Sent] = []
    for number in range(files - 2 * lists):
        window = FIRST_WINDOW + timedelta(hours=4 * number)
        content = Scribe("transactions", chance.getrandbits(64), f"{window:%Y-%m-%d}").content()
        if number == 3:
            content = _huge(chance)
        if logs and chance.randrange(15) == 0:
            content = chance.choice(logs).content
        name = f"transactions_{window:%Y%m%dT%H%M}.csv"
        logs.append(Sent("transactions", name, window, content))
    return [*sent, *logs]


def _lists(dataset: str, number: int, chance: Random) -> Iterable[Sent]:
    for day in (FIRST_DAY + timedelta(days=n) for n in range(number)):
        content = Scribe(dataset, chance.getrandbits(64)).content()
        if day == FIRST_DAY:
            content = _plain(dataset)
        stamp = datetime(day.year, day.month, day.day, tzinfo=UTC)
        yield Sent(dataset, f"{dataset}_{day:%Y%m%d}.csv", stamp, content)


def _plain(dataset: str) -> bytes:
    """A list that every batch begins with, so that most lines have a price and a country."""
    rows = [COLUMNS[dataset]]
    if dataset == "products":
        rows += [[code, "a mug", "Kitchen", f"{number}.5"] for number, code in enumerate(CODES)]
    else:
        rows += [[str(n), name, "", "Europe", ""] for n, name in enumerate(COUNTRIES, start=100)]
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _huge(chance: Random) -> bytes:
    """Fields that no index of Postgres holds, of letters that no compression makes small."""
    rows = [",".join(COLUMNS["transactions"])]
    for place in range(7):
        row = [f"9{place}", "1", "A1", "2", "2025-01-31 10:00:00", "C1", "France"]
        row[place] = chance.randbytes(HUGE // 2 if place == 5 else 1500).hex()
        rows.append(",".join(row))
    return "\n".join(rows).encode()


@dataclass
class Expected:
    """What must come of a batch in an empty warehouse."""

    sent: list[Sent]
    max_shrink: float
    done: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    bronze: set[tuple[str, int]] = field(default_factory=set)  # file, line of a transaction log
    lists: dict[str, dict[date, Listed]] = field(default_factory=dict)
    bad_rows: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lists = {name: self._accepted(name) for name in ("products", "countries")}
        self.logs = self._logs()

    def _accepted(self, dataset: str) -> dict[date, Listed]:
        """Lists that are taken: those with rows that did not shrink against the one before."""
        found: dict[date, Listed] = {}
        for file in sorted(self._of(dataset), key=lambda each: each.stamp):
            listed = oracle.master(dataset, file.content)
            before = len(found[max(found)].good) if found else 0
            if not listed or not listed.good or len(listed.good) < before * (1 - self.max_shrink):
                self.rejected.add(file.name)
                continue
            found[file.stamp.date()] = listed
            self.done.add(file.name)
            self.bad_rows |= {(file.name, line) for line in listed.bad}
        return found

    def _of(self, dataset: str) -> list[Sent]:
        return [file for file in self.sent if file.dataset == dataset]

    def _logs(self) -> list[tuple[Sent, list[Line]]]:
        """The logs that are taken: of equal bytes the earliest."""
        seen: set[str] = set()
        found = []
        for file in self._of("transactions"):
            lines = oracle.transactions(file.content, file.stamp)
            (self.rejected if lines is None else self.done).add(file.name)
            if lines is None or file.sha256 in seen:
                continue
            seen.add(file.sha256)
            self.bronze |= {(file.name, line.line) for line in lines}
            found.append((file, lines))
        return found

    @cached_property
    def countries(self) -> set[str]:
        """Names of the standing countries: of each id, what the earliest list says."""
        first: dict[object, tuple[object, ...]] = {}
        for _, listed in sorted(self.lists["countries"].items()):
            for key, row in listed.good.items():
                first.setdefault(key, row)
        return {str(row[1]) for row in first.values()}

    def price_on(self, code: str, day: date) -> Decimal | None:
        """What the latest list of that day or before that has the product says."""
        for listed_on, listed in sorted(self.lists["products"].items(), reverse=True):
            if listed_on <= day and code in listed.good:
                value = listed.good[code][3]
                assert isinstance(value, Decimal)
                return value
        return None

    @cached_property
    def outcome(self) -> tuple[dict[str, tuple[object, ...]], dict[tuple[str, int], list[str]]]:
        """The fact by transaction, and lines in error with their rules."""
        fact, errors = {}, {}
        for file, line in self._winners():
            rules, price = self._rules(line)
            if rules:
                errors[file.name, line.line] = rules
            else:
                assert price is not None
                total = line.quantity * price
                row = (line.stock_code, line.quantity, price, total, line.customer, line.country)
                fact[str(line.transaction_id)] = (file.name, line.line, *row)
        return fact, errors

    def _winners(self) -> list[tuple[Sent, Line]]:
        """Of one transaction the greatest (window, hash, line); lines without one, all."""
        best: dict[object, tuple[tuple[object, ...], tuple[Sent, Line]]] = {}
        for file, lines in self.logs:
            for line in lines:
                key = line.transaction_id or (file.name, line.line)
                rank = (file.stamp, file.sha256, line.line)
                if key not in best or best[key][0] < rank:
                    best[key] = rank, (file, line)
        return [each for _, each in best.values()]

    def _rules(self, line: Line) -> tuple[list[str], Decimal | None]:
        if not line.good:
            return ["malformed_row"], None
        price = self.price_on(line.stock_code, line.when.date())
        rules = []
        if price is None:
            rules.append("no_price_in_effect")
        elif abs(line.quantity * price) >= LARGEST_TOTAL:
            rules.append("malformed_row")
        if line.country not in self.countries:
            rules.append("unknown_country")
        return sorted(rules), price

    @property
    def counts(self) -> Counter[str]:
        """In, and what became of it."""
        fact, errors = self.outcome
        lines = len(self.bronze)
        lost = lines - len(fact) - len(errors)
        return Counter(rows_in=lines, loaded=len(fact), error=len(errors), superseded=lost)
