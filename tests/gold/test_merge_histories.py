"""Gold is what one load of all files would have made, in whatever order and batches they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.common.settings import Settings
from tests.gold.loads import EMPTY, FRANCE, GERMANY, File, Loads, Row, bad, line, product
from tests.support.databases import query

WINDOWS = ("2011-01-05T08:00", "2011-01-05T12:00", "2011-02-01T00:00")
FILES = {letter: WINDOWS[n % 3] for n, letter in enumerate("abcdef12")}
CODES = 4
MOMENTS = ("2011-01-05 09:00+00", "2011-01-31 23:59:59+00", "2011-02-01 00:00+00")
CASES = 80

# A code's price list is in one of three states: no price, the first version's, the second's.
Prices = dict[int, int | None]


@dataclass(frozen=True)
class Record:
    """A record of a file: some rows of it share a transaction_id with rows of other files."""

    file: str
    source_line: int
    transaction_id: str | None
    code: int
    malformed: bool
    quantity: int
    moment: str
    customer: str | None
    country: int

    @property
    def rank(self) -> tuple[str, str, int]:
        return FILES[self.file], self.file, self.source_line

    def staged(self, prices: Prices) -> Row:
        """The row that the split stream makes of it while these prices are in effect."""
        given: Row = {
            "source_line": self.source_line,
            "quantity": self.quantity,
            "invoice_date": self.moment,
            "customer_id": self.customer,
            "country_sk": self.country,
        }
        version = prices[self.code]
        if self.malformed:
            return bad(self.transaction_id, "malformed_row", **given)
        if version is None:
            return bad(self.transaction_id, "no_price_in_effect", product_sk=None, **given)
        return line(self.transaction_id, product_sk=key(self.code, version), **given)

    def broken(self, prices: Prices) -> list[str]:
        if self.malformed:
            return ["malformed_row"]
        return [] if prices[self.code] is not None else ["no_price_in_effect"]


def key(code: int, version: int) -> int:
    return 10 * code + version


def products() -> list[Row]:
    """Both versions of each code: which one a line has is for the test to say."""
    return [
        product(key(code, version), f"P{code}", *span)
        for code in range(CODES)
        for version, span in enumerate([("2010-01-01", "2010-06-01"), ("2010-06-01", None)])
    ]


def random_records(chance: Random) -> list[Record]:
    """Rows in random files; most transactions have more than one."""
    places = Counter[str]()
    records = []
    for case in range(CASES):
        for _ in range(chance.choice([1, 2, 2, 3, 4])):
            file = chance.choice(list(FILES))
            places[file] += 1
            malformed = chance.random() < 0.15
            records.append(
                Record(
                    file,
                    places[file] + 1,
                    None if malformed and chance.random() < 0.3 else f"{case}-1",
                    chance.randrange(CODES),
                    malformed,
                    chance.choice([1, 1, 2, -1]),
                    chance.choice(MOMENTS),
                    chance.choice(["C1", "C2", "C3", f"C{10 + case}", None]),
                    chance.choice([250, 276]),
                )
            )
    return records


def winners(records: Iterable[Record]) -> list[Record]:
    """Of the rows with one transaction_id the greatest; rows without one are each their own."""
    best: dict[Any, Record] = {}
    for record in records:
        identity = record.transaction_id or record
        best[identity] = max(best.get(identity, record), record, key=lambda each: each.rank)
    return list(best.values())


def expected(records: Iterable[Record], prices: Prices) -> dict[str, set[Any]]:
    """What gold holds after one load of these rows."""
    counting = winners(records)
    loaded = [record for record in counting if not record.broken(prices)]
    spans: dict[str, list[str]] = {}
    for record in loaded:
        if record.customer:
            spans.setdefault(record.customer, []).append(record.moment[:10])
    return {
        "facts": {(r.transaction_id, *values(r, prices), r.file, r.source_line) for r in loaded},
        "errors": {
            (r.transaction_id, tuple(r.broken(prices)), r.file, r.source_line)
            for r in counting
            if r.broken(prices)
        },
        "customers": {(customer, min(days), max(days)) for customer, days in spans.items()},
        "days": {day for r in loaded for day in days_of_month(date.fromisoformat(r.moment[:10]))},
    }


def values(record: Record, prices: Prices) -> tuple[Any, ...]:
    """What the fact says of a line, besides where it came from."""
    version = prices[record.code]
    assert version is not None
    moment = (record.quantity, record.moment, record.customer, record.country)
    return (key(record.code, version), *moment)


def days_of_month(day: date) -> list[date]:
    first = day.replace(day=1)
    days = [first + timedelta(days=n) for n in range(31)]
    return [each for each in days if each.month == day.month]


def found(loads: Loads) -> dict[str, set[Any]]:
    """The same of a gold database."""
    facts = loads.ask(
        "SELECT f.transaction_id, f.product_sk, f.quantity,"
        " to_char(f.invoice_date, 'YYYY-MM-DD HH24:MI:SS'), c.customer_id, f.country_sk,"
        " left(l.file_sha256, 1), f.source_line FROM fact_transactions AS f"
        " JOIN dim_customers AS c USING (customer_sk) JOIN ops.loaded_files AS l USING (file_key)"
    )
    errors = loads.ask(
        "SELECT e.transaction_id, e.rules, left(l.file_sha256, 1), e.source_line"
        " FROM transactions_error AS e JOIN ops.loaded_files AS l USING (file_key)"
        " WHERE e.status = 'OPEN'"
    )
    assert len({row[0] for row in facts}) == len(facts)
    return {
        "facts": {(*row[:3], _as_written(row[3]), *row[4:]) for row in facts},
        "errors": {(row[0], tuple(row[1]), *row[2:]) for row in errors},
        "customers": set(loads.customers()),
        "days": {row[0] for row in loads.ask("SELECT date FROM dim_dates")},
    }


def _as_written(moment: str) -> str:
    return next(each for each in MOMENTS if f"{each[:-3]}:00".startswith(moment[:16]))


def outcomes(
    new: Iterable[Record], records: Iterable[Record], prices: Prices, before: set[Any]
) -> Counter[str]:
    """What becomes of each new row, given what the fact held before."""
    counting = set(winners(records))
    held = {row[:6] for row in before}
    counts = Counter(loaded=0, unchanged=0, superseded=0, error=0)
    for record in new:
        if record not in counting:
            counts["superseded"] += 1
        elif record.broken(prices):
            counts["error"] += 1
        elif (record.transaction_id, *values(record, prices)) in held:
            counts["unchanged"] += 1
        else:
            counts["loaded"] += 1
    return counts


def batches(chance: Random) -> list[list[str]]:
    """All files, in random order and batches."""
    order = chance.sample(list(FILES), len(FILES))
    cuts = [0, *sorted(chance.sample(range(1, len(order)), 3)), len(order)]
    return [order[a:b] for a, b in pairwise(cuts)]


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    return gold_settings


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8)
def test_any_order_of_files_and_price_changes_ends_as_one_load_of_all(
    gold: Settings, seed: int
) -> None:
    query(gold, EMPTY)
    chance = Random(seed)
    records = random_records(chance)
    loads = Loads(gold, {"products": products(), "countries": [FRANCE, GERMANY]})
    prices: Prices = {code: chance.choice([None, 0, 1]) for code in range(CODES)}
    arrived: list[Record] = []
    for batch in batches(chance):
        before = found(loads)["facts"]
        changed = {code: chance.choice([None, 0, 1]) for code in chance.sample(range(CODES), 2)}
        prices |= changed
        # Every usable row of a product whose price changed is looked at again, the losers too.
        again = [r for r in arrived if r.code in changed and not r.malformed]
        new = [record for record in records if record.file in batch]
        arrived += new
        run = loads.take(*as_files(new, prices, batch), again=as_files(again, prices, FILES))
        state = found(loads)
        assert state == expected(arrived, prices)
        told = {name: run.counts[name] for name in ("loaded", "unchanged", "superseded", "error")}
        assert told == outcomes(new, arrived, prices, before)
    marks = loads.row_versions()
    loads.take(again=as_files([r for r in arrived if not r.malformed], prices, FILES))
    assert (found(loads), loads.row_versions()) == (state, marks)


def as_files(records: Iterable[Record], prices: Prices, letters: Iterable[str]) -> list[File]:
    rows: dict[str, list[Row]] = {letter: [] for letter in letters}
    for record in records:
        rows[record.file].append(record.staged(prices))
    return [File(letter, lines, FILES[letter]) for letter, lines in rows.items()]
