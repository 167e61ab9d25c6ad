"""Keeps gold, lake, metastore and landing as they are at one moment.

    scripts/run_backup.sh DIRECTORY

All locks are held, so that no load is under way. The backup counts from the moment that its
`manifest.json` is there, which is written last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import pyspark
import typer

from embedded.jars import pins
from jobs.backup import gold, lake, manifest
from jobs.backup.files import Files, Found, as_uri, each, scratch
from jobs.backup.manifest import DUMP, LakeTable, Manifest
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.landing import is_in_progress
from jobs.common.points import effect
from jobs.common.runlog import RESOURCES, Run, run_context
from jobs.common.settings import Settings

JOB = "backup"
LOCKS = RESOURCES


def extract(context: JobContext, files: Files, tables: dict[str, LakeTable]) -> dict[str, str]:
    """What is to be copied: name in the backup → URI."""
    landing = context.settings.landing
    found = {
        f"{manifest.folder(table)}/{name}": f"{at.location}/{name}"
        for table, at in tables.items()
        for name in files.names(at.location)
    }
    waiting = (n for n in files.names(landing) if not is_in_progress(n.rpartition("/")[2]))
    return found | {f"landing/{name}": f"{landing}/{name}" for name in waiting}


def load(files: Files, root: str, sources: dict[str, str]) -> dict[str, Found]:
    """Copy the files; what each is."""
    copied = each(lambda name: _copy(files, sources[name], f"{root}/{name}"), sources)
    return dict(zip(sources, copied, strict=True))


def _copy(files: Files, source: str, target: str) -> Found:
    with effect("a file of a backup"):
        return files.copy(source, target)


def dump_gold(settings: Settings, files: Files, root: str) -> tuple[Found, dict[str, int]]:
    """Put gold's dump into the backup, wherever that lies; its rows by table."""
    with scratch(settings, JOB) as folder:
        path = folder / DUMP
        with effect("the dump of gold"):
            counts = gold.dump(settings, path)
        return _copy(files, as_uri(str(path)), f"{root}/{DUMP}"), counts


def versions(settings: Settings) -> dict[str, str]:
    """What wrote the backup."""
    return {
        "postgres": gold.version(settings),
        "spark": pyspark.__version__,
        "iceberg": next(p.coordinates for p in pins() if "iceberg" in p.coordinates).split(":")[-1],
    }


def make(context: JobContext, this: Run, root: str) -> Manifest:
    """Make the backup."""
    settings = context.settings
    files = Files(context.session)
    if files.names(root):
        raise UsageError("the directory is not empty", where=root, do="name a new one")
    tables = lake.describe(context.session)
    with effect("the directory of a backup"):
        files.make_directory(root)
    dumped, counts = dump_gold(settings, files, root)
    copied = load(files, root, extract(context, files, tables))
    made = Manifest(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=this.run_id,
        versions=versions(settings),
        tables=tables,
        counts=counts,
        files={DUMP: dumped, **copied},
    )
    with effect("the manifest of a backup"):
        files.write_text(f"{root}/{manifest.NAME}", made.to_json())
    return made


def run(context: JobContext, directory: str) -> Run:
    """Back up into a new directory.

    Raises:
        UsageError: it holds something, or no `pg_dump` fits the server.
        AlreadyRunning: a run is under way.
    """
    root = as_uri(directory)
    parameters = {"directory": root}
    with run_context(
        context.settings, JOB, LOCKS, trigger=context.trigger, parameters=parameters
    ) as this:
        made = make(context, this, root)
        size = sum(file.size for file in made.files.values())
        this.counts |= {"files": len(made.files), "bytes": size, "tables": len(made.tables)}
    say(f"backup: {thousands(len(made.files))} files, {thousands(size)} bytes in {root}")
    return this


def main(
    directory: Annotated[str, typer.Argument(help="A new directory: a path, or a URI.")],
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the locks, as scheduled runs do.")
    ] = False,
) -> None:
    """Keep gold, lake, metastore and landing as they are now."""
    run_main(JOB, lambda context: run(context, directory), scheduled=scheduled)


if __name__ == "__main__":
    typer.run(main)
