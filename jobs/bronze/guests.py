"""What is delivered of customers who were erased: it is taken in as a guest's.

An ordinary run only asks whether anyone was erased at all. Where someone was, the files under
way are read once more for their customers, and those that name an erased one are written anew
before they go to `landing/done`: the lake and landing hold nobody who was erased.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.bronze.layouts import TRANSACTIONS
from jobs.bronze.reading import Reading
from jobs.bronze.redaction import (
    BadRow,
    Ids,
    customers_in,
    file_without,
    names_one,
    redacted,
    values_of,
)
from jobs.bronze.transaction_rows import COLUMNS
from jobs.common.db import transaction
from jobs.common.erased import any_erased, erased_among

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.bronze.intake import Intake
    from jobs.bronze.reading import Shape
    from jobs.common.landing import Landing, LandingFile
    from jobs.common.runlog import Run

NAMED = "file_sha256 string, customer_id string"
_NAMED = pa.schema([("file_sha256", pa.string()), ("customer_id", pa.string())])
BAD = ("customer_id", "problem", "raw_fields", "raw_bytes")


@dataclass(frozen=True)
class Erased:
    """Erased customers whom the files under way name, and the hashes of these files."""

    ids: frozenset[str] = frozenset()
    files: set[str] = field(default_factory=set)


def sought(spark: SparkSession, files: list[LandingFile], run: Run) -> Erased:
    """Who of the files' customers was erased, and which files name them."""
    with transaction(run.conn) as cur:
        if not files or not any_erased(cur):
            return Erased()
    named = Reading(spark, files, TRANSACTIONS, run.run_id).collect(names, NAMED).to_pylist()
    pairs = {(row["file_sha256"], row["customer_id"]) for row in named}
    with transaction(run.conn) as cur:
        ids = erased_among(cur, {customer for _, customer in pairs})
    return Erased(ids, {sha256 for sha256, customer in pairs if customer in ids})


def names(rows: pa.Table) -> pa.Table:
    """File and customer of parsed rows, each pair once; of unreadable rows, all fields."""
    told = rows.filter(pc.is_valid(rows["customer_id"])).select(_NAMED.names)
    pairs = told.group_by(_NAMED.names).aggregate([]).select(_NAMED.names)
    found = [
        {"file_sha256": row["file_sha256"], "customer_id": value}
        for row in rows.filter(pc.is_valid(rows["problem"])).to_pylist()
        if not is_readable(row)
        for value in set(values_of(row["raw_fields"]))
    ]
    return pa.concat_tables([pairs.cast(_NAMED), pa.Table.from_pylist(found, _NAMED)])


def is_readable(row: dict[str, Any]) -> bool:
    """Whether a bad row's columns could be told."""
    return any(row[name] is not None for name in COLUMNS)


def bad_row(row: dict[str, Any]) -> BadRow:
    """A bad row of bronze."""
    raw = row["raw_fields"], bytes(row["raw_bytes"])
    return BadRow(row["customer_id"], is_readable(row), row["problem"], *raw)


def as_guests(ids: Ids) -> Shape:
    """The shape of rows in which these customers are guests."""

    def shape(rows: pa.Table) -> pa.Table:
        for nth, row in _bad_ones(rows, ids):
            rows = _put(rows, nth, redacted(row, ids))
        customer = rows["customer_id"]
        theirs = pc.is_in(customer, pa.array(sorted(ids), pa.string()))
        guests = pc.if_else(theirs, pa.scalar(None, pa.string()), customer)
        return rows.set_column(rows.column_names.index("customer_id"), "customer_id", guests)

    return shape


def _bad_ones(rows: pa.Table, ids: Ids) -> list[tuple[int, BadRow]]:
    places = pc.indices_nonzero(pc.is_valid(rows["problem"]))
    bad = zip(places.to_pylist(), map(bad_row, rows.take(places).to_pylist()), strict=True)
    return [(nth, row) for nth, row in bad if names_one(row, ids)]


def _put(rows: pa.Table, nth: int, row: BadRow) -> pa.Table:
    one = rows.slice(nth, 1)
    for name in BAD:
        place = rows.column_names.index(name)
        value = pa.array([getattr(row, name)], rows.schema.field(name).type)
        one = one.set_column(place, rows.schema.field(name), value)
    return pa.concat_tables([rows.slice(0, nth), one, rows.slice(nth + 1)])


def kin(run: Run, files: list[LandingFile]) -> dict[str, set[str]]:
    """The hashes under which each file may be known: as it came, and as it was written anew."""
    with transaction(run.conn) as cur:
        cur.execute(
            "WITH asked AS (SELECT h.sha256, coalesce(r.original_sha256, h.sha256) AS original"
            " FROM unnest(%s::text[]) AS h (sha256)"
            " LEFT JOIN ops.redacted_files AS r ON r.file_sha256 = h.sha256)"
            " SELECT sha256, original FROM asked UNION SELECT a.sha256, r.file_sha256"
            " FROM asked AS a JOIN ops.redacted_files AS r ON r.original_sha256 = a.original",
            ([file.sha256 for file in files],),
        )
        found: dict[str, set[str]] = {}
        for sha256, other in cur.fetchall():
            found.setdefault(sha256, {sha256}).add(other)
    return found


def take_out(landing: Landing, intake: Intake, erased: Erased, run: Run) -> None:
    """Write files that name erased customers anew, before they are moved."""
    theirs = [(file, erased.ids) for file in intake.accepted if file.sha256 in erased.files]
    others = [*intake.repeats, *(file for file, _ in intake.refused)]
    with transaction(run.conn) as cur:
        asked = others if others and any_erased(cur) else []
    for file in asked:
        with transaction(run.conn) as cur:
            theirs.append((file, erased_among(cur, customers_in(landing.read(file.uri)))))
    for file, ids in theirs:
        if rewrite(landing, file.uri, ids, run):
            intake.put(landing.as_it_lies(file))


def rewrite(landing: Landing, uri: str, ids: Ids, run: Run) -> bool:
    """Write a file of landing anew without these customers; whether it named any.

    Its new hash is noted first, so that it is known by the old one at any time.
    """
    content = landing.read(uri)
    new = file_without(content, ids)
    if new == content:
        return False
    old_hash, new_hash = (hashlib.sha256(each).hexdigest() for each in (content, new))
    with transaction(run.conn, "the note of a file written anew") as cur:
        cur.execute(
            "INSERT INTO ops.redacted_files (file_sha256, original_sha256, run_id)"
            " SELECT %s, coalesce((SELECT r.original_sha256 FROM ops.redacted_files AS r"
            " WHERE r.file_sha256 = %s), %s), %s ON CONFLICT (file_sha256) DO NOTHING",
            (new_hash, old_hash, old_hash, run.run_id),
        )
    landing.rewrite(uri, new)
    return True
