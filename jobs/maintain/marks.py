"""Who goes by a snapshot of a table: gold's watermark, what a history was built from, the star.

What goes by a snapshot that maintenance follows up with one of the same rows is told of the new
one, so that nothing is looked at again. Cut off before that, it only costs time: every reader of
a mark has a way that works for any snapshot (docs/adr/0032).
"""

from __future__ import annotations

from jobs.common.contracts import COUNTRIES, COUNTRIES_SNAPSHOTS, DW_FACT, PRODUCTS
from jobs.common.contracts import PRODUCTS_SNAPSHOTS as LISTS
from jobs.common.db import transaction
from jobs.common.lake import (
    BUILT_FROM,
    REWRITTEN,
    get_property,
    set_property,
    written_by,
)
from jobs.common.points import effect
from jobs.maintain.work import Place

HISTORIES = {
    PRODUCTS: PRODUCTS,
    LISTS: PRODUCTS,
    COUNTRIES: COUNTRIES,
    COUNTRIES_SNAPSHOTS: COUNTRIES,
}


def needed(place: Place) -> set[int]:
    """Snapshots of the table that a later run goes by."""
    found = {int(word) for word in _built_from(place) if len(word) > 15 and word.isdigit()}
    with transaction(place.run.conn) as cur:
        cur.execute(
            "SELECT snapshot_id FROM ops.watermarks WHERE table_name = %s", (place.table.full_name,)
        )
        found |= {row[0] for row in cur.fetchall()}
    if place.table is DW_FACT and (marked := written_by(place.spark, place.table)):
        found.add(int(marked.snapshotId()))
    return found


def carry(place: Place, old: int | None) -> None:
    """Tell those who went by snapshot `old` of the current one, when it has the same rows."""
    new = _same_rows(place, old)
    if old is None or new is None or new == old:
        return
    words = _built_from(place)
    if str(old) in words:
        told = " ".join(str(new) if word == str(old) else word for word in words)
        with effect("the mark that is carried to a history"):
            set_property(place.spark, HISTORIES[place.table], BUILT_FROM, told)
    with transaction(place.run.conn, "the mark that is carried to gold") as cur:
        cur.execute(
            "UPDATE ops.watermarks SET snapshot_id = %s WHERE table_name = %s AND snapshot_id = %s",
            (new, place.table.full_name, old),
        )


def _same_rows(place: Place, old: int | None) -> int | None:
    """The current snapshot, when only rewritten files lie between it and `old`."""
    iceberg = place.iceberg
    snapshot = current = iceberg.currentSnapshot()
    while snapshot is not None and int(snapshot.snapshotId()) != old:
        before = snapshot.parentId()
        if snapshot.operation() != REWRITTEN or before is None:
            return None
        snapshot = iceberg.snapshot(before)
    return int(current.snapshotId()) if snapshot is not None else None


def _built_from(place: Place) -> list[str]:
    history = HISTORIES.get(place.table)
    return (get_property(place.spark, history, BUILT_FROM) or "").split() if history else []
