"""Many small data files of a partition become a few; many manifests, too. No row changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.common.lake import snapshot_id
from jobs.common.points import effect
from jobs.maintain.marks import carry
from jobs.maintain.work import Place, Step, Work

# A scan of a month then has some tasks; Iceberg's own 512 MB would give one or two.
FILE_BYTES = 128 << 20
# Files that one commit replaces, and so about how long a writer of the table may have to wait.
MOST_FILES = 500
MANY_MANIFESTS = 20
MANIFEST_BYTES = 8 << 20


def plan(place: Place) -> Work:
    """What Iceberg would write anew."""
    iceberg = place.iceberg
    snapshot = iceberg.currentSnapshot()
    if snapshot is None:
        return Work()
    groups = list(_groups(place, iceberg))
    files = sum(int(group.inputFileNum()) for group in groups)
    size = sum(int(group.inputFilesSizeInBytes()) for group in groups)
    more = {"partitions": len(groups), "manifests": _too_many(iceberg, snapshot)}
    return Work(files, size, more=more, rounds=max(1, -(-files // MOST_FILES)))


def _options(place: Place) -> dict[str, str]:
    return {
        "target-file-size-bytes": str(FILE_BYTES),
        "min-input-files": str(place.settings.maintain_min_files),
    }


def _groups(place: Place, iceberg: Any) -> Iterator[Any]:
    jvm = place.spark._jvm
    assert jvm is not None  # noqa: S101 - a live session has one
    planner = jvm.org.apache.iceberg.actions.BinPackRewriteFilePlanner(iceberg)
    planner.init(_options(place))
    found = planner.plan().groups().iterator()
    while found.hasNext():
        yield found.next()


def _too_many(iceberg: Any, snapshot: Any) -> int:
    """How many manifests there are, when far fewer would do; else none."""
    sizes = [int(manifest.length()) for manifest in snapshot.dataManifests(iceberg.io())]
    fewer = 1 + sum(sizes) // MANIFEST_BYTES
    return len(sizes) if len(sizes) >= max(MANY_MANIFESTS, 2 * fewer) else 0


def load(place: Place, work: Work) -> Work:
    """Write them anew, in a commit for files and one for manifests; marks go along."""
    before = snapshot_id(place.spark, place.table)
    done = Work()
    try:
        if work.files:
            done = _write_files(place)
        if work.more["manifests"]:
            with effect("the compaction of manifests"):
                (told,) = place.call("rewrite_manifests", ", use_caching => false")
            done.more["manifests"] = int(told["rewritten_manifests_count"])
    finally:
        carry(place, before)
    return done


def _write_files(place: Place) -> Work:
    options = _options(place) | {"max-files-to-rewrite": str(MOST_FILES)}
    pairs = ", ".join(f"'{name}', '{value}'" for name, value in options.items())
    with effect("the compaction of files"):
        (told,) = place.call("rewrite_data_files", f", options => map({pairs})")
    return Work(
        int(told["rewritten_data_files_count"]),
        int(told["rewritten_bytes_count"]),
        more={"new files": int(told["added_data_files_count"])},
    )


STEP = Step("compaction", ("write anew", "wrote anew"), plan, load)
