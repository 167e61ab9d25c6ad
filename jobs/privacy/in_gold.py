"""A customer in gold: what holds them, how it is taken out, and what is left for a person."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from jobs.bronze.redaction import fields_without, without
from jobs.common.contracts import TRANSACTIONS_RAW
from jobs.common.db import connect, transaction
from jobs.common.points import effect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from jobs.common.runlog import Run
    from jobs.common.settings import Settings

COUNTS = {
    "gold_lines": (
        "SELECT count(*) FROM fact_transactions"
        " WHERE customer_sk = ops.customer_key(%s) AND customer_sk <> -1"
    ),
    "gold_customers": "SELECT count(*) FROM dim_customers WHERE customer_id = %s",
    "gold_sums": "SELECT count(*) FROM ops.sales_by_buyer WHERE customer_sk = ops.customer_key(%s)",
}
# A refused file's first record may be told where its column names were looked for.
REMARKS = (
    ("ops.runs", "run_id::text", "message"),
    ("ops.checks", "concat_ws(' ', run_id, check_name)", "observed"),
)
NOTES = (("anomalies", "investigator_notes"), ("anomaly_history", "notes"))
# Dead rows, and samples that the planner keeps of values.
SWEPT = ("dim_customers", "fact_transactions", "transactions_error", "ops.sales_by_buyer")

Changed = list[tuple[str, Any]]


def find(conn: Connection, customer: str) -> dict[str, int]:
    """How many rows of gold hold the customer, by what they are."""
    found = {}
    with transaction(conn) as cur:
        for name, statement in COUNTS.items():
            cur.execute(statement, (customer,))
            row = cur.fetchone()
            found[name] = int(row[0]) if row else 0
        found["gold_errors"] = len(_errors(cur, customer))
        found["gold_remarks"] = sum(len(_remarks(cur, customer, *each)) for each in REMARKS)
    return found


def erase(cur: Cursor, run: Run, customer: str) -> bool:
    """Make the customer's lines guest lines, in the caller's transaction; whether any were."""
    cur.execute("SELECT lines > 0 FROM ops.forget_customer(%s, %s)", (customer, run.run_id))
    is_changed = cur.fetchone() == (True,)
    for error_id, raw in _errors(cur, customer):
        cur.execute(
            "UPDATE transactions_error SET raw = %s WHERE error_id = %s",
            (json.dumps(raw), error_id),
        )
    for table, key, column in REMARKS:
        for place, text in _remarks(cur, customer, table, key, column):
            cur.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", (text, place))  # noqa: S608 - our names
    return is_changed


def _errors(cur: Cursor, customer: str) -> Changed:
    """Rows in error that name the customer, as they are to be."""
    cur.execute(
        "SELECT error_id, raw, transaction_id IS NOT NULL FROM transactions_error"
        " WHERE strpos(raw::text, %s) > 0",
        (json.dumps(customer, ensure_ascii=False)[1:-1],),
    )
    rows = cur.fetchall()
    clean = [(key, raw, fields_without(raw, {customer}, readable=told)) for key, raw, told in rows]
    return [(key, new) for key, raw, new in clean if new != raw]


def _remarks(cur: Cursor, customer: str, table: str, key: str, column: str) -> Changed:
    """Words on runs that name the customer among a record's fields, as they are to be."""
    cur.execute(f"SELECT {key}, {column} FROM {table} WHERE strpos({column}, %s) > 0", (customer,))  # noqa: S608
    clean = [
        (place, text, "\n".join(without(each, {customer}, None) for each in text.split("\n")))
        for place, text in cur.fetchall()
    ]
    return [(place, new) for place, text, new in clean if new != text]


def notes(conn: Connection, customer: str) -> list[str]:
    """Lines on which a person's note has the customer's number as a word."""
    word = re.compile(rf"(?<!\w){re.escape(customer)}(?!\w)")
    found = set()
    with transaction(conn) as cur:
        for table, column in NOTES:
            cur.execute(
                f"SELECT transaction_id, {column} FROM {table} WHERE strpos({column}, %s) > 0",  # noqa: S608
                (customer,),
            )
            found |= {line for line, text in cur.fetchall() if word.search(text)}
    return sorted(found)


def has_taken(cur: Cursor, hashes: list[str]) -> bool:
    """Whether gold has taken all of these transactions files."""
    cur.execute(
        "SELECT NOT EXISTS (SELECT FROM unnest(%s::text[]) AS h (sha256)"
        " WHERE h.sha256 NOT IN (SELECT f.file_sha256 FROM ops.loaded_files AS f))",
        (hashes,),
    )
    return cur.fetchone() == (True,)


def follow(cur: Cursor, run: Run, snapshot: int | None, *, is_changed: bool) -> None:
    """Say where in bronze gold is, and that it changed, for the lake's star to follow.

    Args:
        snapshot: None when bronze has files that gold lacks: their lines are then found by hash.
    """
    cur.execute(
        "UPDATE ops.watermarks SET snapshot_id = coalesce(%(snapshot)s, snapshot_id),"
        " batch_id = CASE WHEN %(changed)s THEN %(batch)s ELSE batch_id END"
        " WHERE table_name = %(table)s",
        {
            "snapshot": snapshot,
            "changed": is_changed,
            "batch": run.run_id,
            "table": TRANSACTIONS_RAW.full_name,
        },
    )


def sweep(settings: Settings) -> None:
    """Have Postgres drop what the rows were, and sample again."""
    with closing(connect(settings, "owner")) as conn:
        conn.autocommit = True
        with conn.cursor() as cur, effect("the sweep of gold"):
            for table in SWEPT:
                cur.execute(f"VACUUM (ANALYZE) {table}")
