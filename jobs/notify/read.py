"""Reads what a digest reports from gold, in one snapshot so that its figures agree."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from jobs.common.dates import whole_months
from jobs.notify import queries
from jobs.notify.facts import (
    Errors,
    ErrorTotals,
    Facts,
    FailedCheck,
    Finding,
    Group,
    HeldBack,
    LateView,
    Odd,
    OddTotals,
    RuleFacts,
)

TOP_FINDINGS = 10
TOP_PRODUCTS = 5
TOP_CATEGORIES = 8
TOP_VALUES = 3


class _Reader:
    """Runs statements about one mail inside the caller's transaction."""

    def __init__(self, connection: Connection, mail_id: int) -> None:
        self._connection = connection
        self._mail_id = mail_id

    def do(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, {"mail_id": self._mail_id})

    def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        with self._connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, {"mail_id": self._mail_id, **values})
            return [dict(row) for row in cursor.fetchall()]

    def row(self, statement: str, **values: object) -> dict[str, Any]:
        return self.rows(statement, **values)[0]


def read_facts(connection: Connection, mail_id: int) -> Facts:
    """The figures of one outbox row, from one repeatable-read snapshot."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader = _Reader(connection, mail_id)
        return Facts(
            mail_id=mail_id,
            odd=_odd(reader),
            errors=_errors(reader),
            odd_runs=_run_ids(reader, "anomalies"),
            error_runs=_run_ids(reader, "errors"),
            late=_late(reader),
            late_runs=_run_ids(reader, "late"),
            held=_held(reader),
            held_runs=_run_ids(reader, "held"),
            failed=tuple(FailedCheck(**row) for row in reader.rows(queries.FAILED)),
            failed_runs=_run_ids(reader, "checks"),
        )


def _run_ids(reader: _Reader, kind: str) -> tuple[int, ...]:
    return tuple(row["batch_id"] for row in reader.rows(queries.RUN_IDS, kind=kind))


def _late(reader: _Reader) -> tuple[LateView, ...]:
    return tuple(
        LateView(row["view_name"], row["due"], tuple(row["reasons"]))
        for row in reader.rows(queries.LATE)
    )


def _held(reader: _Reader) -> tuple[HeldBack, ...]:
    return tuple(
        HeldBack(**{**row, "files": tuple(row["files"])}) for row in reader.rows(queries.HELD)
    )


def _odd(reader: _Reader) -> Odd | None:
    reader.do(queries.ODD)
    totals = reader.row(queries.ODD_TOTALS)
    if not totals["lines"]:
        return None
    first, past = totals["first_day"], totals["last_day"] + timedelta(days=1)
    whole_first, whole_past = whole_months(first, past)
    sales = reader.row(
        queries.SALES, first=first, past=past, whole_first=whole_first, whole_past=whole_past
    )
    return Odd(
        totals=OddTotals(**totals, **sales),
        per_day=_per_day(reader),
        categories=_groups(reader, queries.CATEGORIES, TOP_CATEGORIES),
        products=_groups(reader, queries.PRODUCTS, TOP_PRODUCTS),
        top=tuple(Finding(**row) for row in reader.rows(queries.TOP, limit=TOP_FINDINGS)),
    )


def _per_day(reader: _Reader) -> tuple[tuple[date, int], ...]:
    return tuple((row["day"], row["lines"]) for row in reader.rows(queries.PER_DAY))


def _groups(reader: _Reader, statement: str, limit: int) -> tuple[Group, ...]:
    return tuple(Group(**row) for row in reader.rows(statement, limit=limit))


def _errors(reader: _Reader) -> Errors | None:
    totals = reader.row(queries.ERROR_TOTALS)
    if not totals["lines"]:
        return None
    often: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in reader.rows(queries.OFTEN, limit=TOP_VALUES):
        often[row["rule"]].append((row["value"], row["lines"]))
    rows_in = reader.row(queries.ROWS_IN)["rows_in"]
    return Errors(
        totals=ErrorTotals(**totals, rows_in=None if rows_in is None else int(rows_in)),
        rules=tuple(_rule(row, often[row["rule"]]) for row in reader.rows(queries.RULES)),
    )


def _rule(row: dict[str, Any], often: list[tuple[str, int]]) -> RuleFacts:
    # Numbers stay as written: 5.10 must not turn into 5.1 in an example.
    raw = json.loads(row["raw"], parse_float=Decimal)
    fields = raw if isinstance(raw, dict) else {"line": raw}
    return RuleFacts(
        rule=row["rule"],
        lines=row["lines"],
        raw=fields,
        source_file=row["source_file"],
        source_line=row["source_line"],
        often=tuple(often),
    )
