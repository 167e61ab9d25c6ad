"""Files below a table that no state of it knows: what a killed writer left, and old metadata."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.common.points import effect
from jobs.maintain.work import Place, Step, Work, timestamp


def plan(place: Place) -> Work:
    """What would be removed. Iceberg refuses to look at files of the last 24 hours."""
    return _told(place, _call(place, dry=True))


def load(place: Place, work: Work) -> Work:
    """Remove it."""
    with effect("the removal of orphans"):
        removed = _call(place, dry=False)
    return Work(len(removed), work.size, work.oldest)


def _call(place: Place, *, dry: bool) -> list[str]:
    older = timestamp(place.now - timedelta(days=place.settings.maintain_orphan_days))
    rows = place.call("remove_orphan_files", f", older_than => {older}, dry_run => {dry}")
    return [row["orphan_file_location"] for row in rows]


def _told(place: Place, uris: list[str]) -> Work:
    jvm: Any = place.spark._jvm
    conf = place.spark._jsc.hadoopConfiguration()
    paths = [jvm.org.apache.hadoop.fs.Path(uri) for uri in uris]
    found = [path.getFileSystem(conf).getFileStatus(path) for path in paths]
    times = [int(status.getModificationTime()) / 1000 for status in found]
    oldest = datetime.fromtimestamp(min(times), UTC) if times else None
    return Work(len(found), sum(int(status.getLen()) for status in found), oldest)


STEP = Step("orphans", ("remove", "removed"), plan, load)
