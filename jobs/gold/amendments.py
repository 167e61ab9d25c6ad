"""What each correction by hand writes: its row of `ops.corrections`, and an error's status.

Lines of gold follow in the load (`jobs/gold/corrections.py`), not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from jobs.common.errors import UsageError
from jobs.common.job import thousands

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.dates import Dates
    from jobs.common.runlog import Run

SHOWN = 50
_PRICE = re.compile(r"[0-9]{1,8}(\.[0-9]{1,4})?")
LATEST = date(9999, 12, 30)  # as a last day: the one after it is a date, too


@dataclass(frozen=True)
class Word:
    """Who says so, and why."""

    who: str
    why: str


def rename(cur: Cursor, run: Run, name: str, country_id: int, word: Word) -> str:
    """Have a name mean a country.

    Raises:
        UsageError: there is no such country, or the name is taken.
    """
    cur.execute("SELECT country FROM dim_countries WHERE country_id = %s", (country_id,))
    country = cur.fetchone()
    if country is None:
        raise UsageError(
            f"no country has the id {country_id}",
            do='see: scripts/gold_sql.sh "SELECT country_id, country FROM dim_countries"',
        )
    cur.execute("SELECT country_id FROM dim_countries WHERE country = %s", (name,))
    if not name or cur.fetchone():
        raise UsageError(f"'{name}' is a name of the countries list, or none at all")
    keep(cur, run, "country", name, word, country_id=country_id)
    lines = _first(
        cur,
        "SELECT count(*) FROM transactions_error"
        " WHERE status = 'OPEN' AND 'unknown_country' = ANY(rules) AND raw ->> 'country' = %s",
        name,
    )
    return f"'{name}' means {country[0]}: {thousands(lines)} lines in error have it"


def discard(cur: Cursor, run: Run, key: str, word: Word) -> str:
    """Set an open line in error aside.

    Raises:
        UsageError: there is no such line, or it is not open.
    """
    cur.execute(
        "UPDATE transactions_error SET status = 'DISCARDED'"
        " WHERE (error_id = %s OR transaction_id = %s) AND status = 'OPEN' RETURNING error_id",
        (key, key),
    )
    row = cur.fetchone()
    if row is None:
        raise UsageError(
            "no open line in error has this error_id or transaction_id",
            do='see: scripts/gold_sql.sh "SELECT error_id, transaction_id, status'
            ' FROM transactions_error"',
        )
    keep(cur, run, "discard", row[0], word)
    return f"{key} is discarded"


def reprice(cur: Cursor, run: Run, code: str, price: str, days: Dates, word: Word) -> str:
    """Have a product cost a price on some days, both ends inclusive.

    Raises:
        UsageError: there is no such product, the price or the days are none, or another
            correction says what it costs on one of them.
    """
    if not _PRICE.fullmatch(price.strip()):
        raise UsageError(f"{price} is no price of at most 4 decimal places", do="write it as 2.55")
    if days.first is None or days.last is None or days.last > LATEST:
        raise UsageError(f"--from and --to are both needed, and no later than {LATEST}")
    if not _first(cur, "SELECT count(*) FROM dim_products WHERE stock_code = %s", code):
        raise UsageError(
            "no price list that gold has taken names this product",
            where=code,
            do='see: scripts/gold_sql.sh "SELECT DISTINCT stock_code FROM dim_products"',
        )
    number = _first(
        cur,
        "SELECT correction_id FROM ops.corrections WHERE kind = 'price' AND undone_at IS NULL"
        " AND stock_code = %s AND first_day <= %s AND last_day >= %s",
        *(code, days.last, days.first),
    )
    if number:
        raise _said_already(number)
    subject = f"{code} {days}"
    keep(
        *(cur, run, "price", subject, word),
        stock_code=code,
        first_day=days.first,
        last_day=days.last,
        unit_price=Decimal(price),
    )
    return f"{subject} costs {price.strip()}"


def keep(cur: Cursor, run: Run, kind: str, subject: str, word: Word, **more: object) -> None:
    """Keep a correction.

    Args:
        more: further columns of `ops.corrections`.

    Raises:
        UsageError: one of the same subject is in force.
    """
    row = {
        "kind": kind,
        "subject": subject,
        "who": word.who,
        "why": word.why,
        "run_id": run.run_id,
        "followed": kind == "discard",
        **more,
    }
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(map(sql.Placeholder, row))
    cur.execute(
        sql.SQL(
            "INSERT INTO ops.corrections ({}) VALUES ({})"
            " ON CONFLICT (kind, subject) WHERE undone_at IS NULL DO NOTHING"
        ).format(names, values),
        row,
    )
    if not cur.rowcount:
        raise _said_already(
            _first(
                cur,
                "SELECT correction_id FROM ops.corrections"
                " WHERE kind = %s AND subject = %s AND undone_at IS NULL",
                kind,
                subject,
            )
        )


def _said_already(number: int) -> UsageError:
    return UsageError(
        f"correction {number} says something of that already",
        do=f"undo it first: scripts/run_correct.sh undo {number} --why …",
    )


def undo(cur: Cursor, number: int, word: Word) -> str:
    """Undo a correction.

    Raises:
        UsageError: there is none of that number, or it is undone already.
    """
    cur.execute(
        "UPDATE ops.corrections SET undone_at = now(), undone_by = %s, undone_why = %s,"
        " followed = (kind = 'discard')"
        " WHERE correction_id = %s AND undone_at IS NULL RETURNING kind, subject",
        (word.who, word.why, number),
    )
    row = cur.fetchone()
    if row is None:
        raise UsageError(
            f"no correction {number} is in force", do="see: scripts/run_correct.sh list"
        )
    if row[0] == "discard":
        cur.execute(
            "UPDATE transactions_error SET status = 'OPEN'"
            " WHERE error_id = %s AND status = 'DISCARDED'",
            (row[1],),
        )
    return f"correction {number} ({row[0]}) is undone"


def _first(cur: Cursor, statement: str, *values: Any) -> int:
    cur.execute(statement, values)
    row = cur.fetchone()
    return int(row[0]) if row else 0


def listed(cur: Cursor) -> list[str]:
    """The latest corrections in lines, newest first."""
    cur.execute(
        "SELECT correction_id, kind, subject, coalesce(country_id::text, unit_price::text),"
        " who, made_at::date, why,"
        " undone_by, undone_at::date, undone_why FROM ops.corrections"
        " ORDER BY correction_id DESC LIMIT %s",
        (SHOWN,),
    )
    lines = []
    for number, kind, subject, value, who, made, why, by, at, because in cur.fetchall():
        means = f" = {value}" if value else ""
        end = f"; undone by {by} on {at}: {because}" if by else ""
        lines.append(f"{number}  {kind} {subject}{means}  by {who} on {made}: {why}{end}")
    return lines
