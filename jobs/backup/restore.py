"""Brings a backup back into a warehouse that is set up and empty, there or elsewhere.

    scripts/run_restore.sh DIRECTORY

The backup is read and checked whole before anything changes. From gold on, all locks are
held, so that no job meets half a warehouse.
"""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.backup import gold, lake, manifest
from jobs.backup.files import Files, as_uri, each, scratch
from jobs.backup.manifest import DUMP, Manifest
from jobs.common.errors import UsageError
from jobs.common.job import JobContext, run_main, say, thousands
from jobs.common.lake import ensure_tables
from jobs.common.migrate import migrate
from jobs.common.points import effect
from jobs.common.runlog import RESOURCES, Run, run_context
from jobs.common.settings import Settings

JOB = "restore"
LOCKS = RESOURCES


def extract(files: Files, root: str) -> Manifest:
    """The backup's manifest, once all of its files were found as it says."""
    found = manifest.read(files, root)
    manifest.verify(files, root, found)
    say(f"backup of {found.created_at}: {thousands(len(found.files))} files are as they were")
    return found


def refuse_used(context: JobContext, files: Files) -> None:
    """Raise unless gold, lake and landing are empty.

    Raises:
        UsageError: one of them is not.
    """
    settings = context.settings
    gold.refuse_used(settings)
    lake.refuse_used(context.session, files, settings.lake)
    if files.names(settings.landing):
        raise UsageError(
            "landing is not empty",
            where=settings.landing,
            do="move its files away; deliver them again after the restore",
        )


def load_gold(settings: Settings, files: Files, root: str, backup: Manifest) -> None:
    """Gold, then what this checkout's migrations add to it."""
    with scratch(settings, JOB) as folder:
        path = folder / DUMP
        files.copy(f"{root}/{DUMP}", as_uri(str(path)))
        gold.restore(settings, path, dict(backup.counts))
    gold.end_backup_run(settings, backup.run_id)
    added = migrate(settings)
    say(f"gold: {thousands(sum(backup.counts.values()))} rows; migrations: {', '.join(added) or 0}")


def load_lake(context: JobContext, files: Files, root: str, backup: Manifest) -> None:
    """The lake's tables, and the metastore's word on where they are."""
    ensure_tables(context.session, context.settings)
    for table in lake.TABLES:
        was = backup.tables.get(table.full_name)
        if was is not None:
            held = f"{root}/{manifest.folder(table.full_name)}"
            lake.restore(context.session, files, table, held, was)
            say(f"lake: {table.full_name} at snapshot {was.snapshot_id}")


def load_landing(settings: Settings, files: Files, root: str) -> None:
    """The files that were done, refused or waiting."""
    held = f"{root}/landing"
    names = files.names(held)

    def copy(name: str) -> None:
        with effect("a file of landing that comes back"):
            files.copy(f"{held}/{name}", f"{settings.landing}/{name}")

    for _ in each(copy, names):
        pass
    say(f"landing: {thousands(len(names))} files")


def run(context: JobContext, directory: str) -> Run:
    """Restore a backup.

    Raises:
        UsageError: the backup is damaged, or the warehouse is not empty.
    """
    settings, root = context.settings, as_uri(directory)
    files = Files(context.session)
    gold.refuse_used(settings)  # soon told; all else is looked at once the backup is known good
    backup = extract(files, root)
    gold.refuse_older(settings, backup.versions["postgres"])
    refuse_used(context, files)
    load_gold(settings, files, root, backup)
    with run_context(settings, JOB, LOCKS, parameters={"directory": root}) as this:
        load_lake(context, files, root, backup)
        load_landing(settings, files, root)
        this.counts |= {"files": len(backup.files), "tables": len(backup.tables)}
    return this


def main(
    directory: Annotated[str, typer.Argument(help="The backup: a path, or a URI.")],
    check: Annotated[bool, typer.Option(help="Only see whether the backup is whole.")] = False,
) -> None:
    """Bring a backup back into an empty warehouse."""

    def body(context: JobContext) -> None:
        if check:
            extract(Files(context.session), as_uri(directory))
        else:
            run(context, directory)

    run_main(JOB, body)


if __name__ == "__main__":
    typer.run(main)
