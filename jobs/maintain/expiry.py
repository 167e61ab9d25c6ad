"""States of a table that nobody needs any more go, and the files that only they had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import functions as F

from jobs.common.points import effect
from jobs.maintain.marks import needed
from jobs.maintain.work import Place, Step, Work, timestamp

REMOVED = 2  # status of a manifest's entry


def plan(place: Place) -> Work:
    """What would go."""
    iceberg = place.iceberg
    gone = _expired(iceberg, _bound(place, iceberg))
    if not gone:
        return Work()
    ids = {int(snapshot.snapshotId()) for snapshot in gone}
    files, size = _freed(place, iceberg, ids)
    oldest = min(_time(snapshot) for snapshot in gone)
    return Work(files, size, oldest, {"snapshots": len(ids)})


def _bound(place: Place, iceberg: Any) -> datetime:
    """Before which time snapshots may go: what is needed stays, and all that came after it."""
    held = (iceberg.snapshot(each) for each in needed(place))
    bounds = [_time(snapshot) for snapshot in held if snapshot is not None]
    return min([place.now - timedelta(days=place.settings.maintain_keep_days), *bounds])


def _time(snapshot: Any) -> datetime:
    return datetime.fromtimestamp(int(snapshot.timestampMillis()) / 1000, UTC)


def _expired(iceberg: Any, bound: datetime) -> list[Any]:
    """The snapshots that Iceberg would drop; it is asked, not told."""
    millis = round(bound.timestamp() * 1000)
    return list(iceberg.expireSnapshots().expireOlderThan(millis).retainLast(1).apply())


def _freed(place: Place, iceberg: Any, gone: set[int]) -> tuple[int, int]:
    """Data files that the dropped snapshots were the last to have, and their bytes."""
    took = [
        int(each.snapshotId())
        for each in iceberg.snapshots()
        if each.parentId() is not None and int(each.parentId()) in gone
    ]
    entries = place.spark.table(f"{place.table.full_name}.all_entries")
    removed = entries.where((F.col("status") == REMOVED) & F.col("snapshot_id").isin(took))
    files = removed.select("data_file.file_path", "data_file.file_size_in_bytes").distinct()
    row = files.agg(F.count("*"), F.sum("file_size_in_bytes")).first()
    return (int(row[0]), int(row[1] or 0)) if row else (0, 0)


def load(place: Place, work: Work) -> Work:
    """Drop them."""
    bound = _bound(place, place.iceberg)
    with effect("the expiry of snapshots"):
        (told,) = place.call(
            "expire_snapshots", f", older_than => {timestamp(bound)}, retain_last => 1"
        )
    files = int(told["deleted_data_files_count"])
    return Work(files, work.size, work.oldest, work.more)


STEP = Step("expiry", ("drop", "dropped"), plan, load, takes_away=True)
