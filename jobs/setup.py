"""Makes everything that the jobs need, from nothing; harmless when it is there.

    scripts/run_setup.sh [--dry-run]

Embedded: the home, Postgres, the mail catcher. Both ways: gold's roles, database and
schema (the roles where the administrator's password is known), the metastore's schema
(on a cluster where METASTORE_DB_PASSWORD is set), directories on this machine. The
Iceberg tables come with the first run of a job.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from embedded import hadoop, jars, metastore, services
from embedded.home import SOURCES, Home, make_directory
from jobs import class_archive
from jobs.common.job import exit_code_of, say
from jobs.common.migrate import migrate
from jobs.common.roles import create_gold, create_metastore
from jobs.common.settings import Settings, load_settings


@dataclass(frozen=True)
class Step:
    """One thing to make; `make` gives a word on what it did."""

    what: str
    make: Callable[[], str]


def steps(settings: Settings) -> Iterator[Step]:
    """The steps of this mode, in order. Each reads the settings that earlier ones wrote."""
    if settings.warehouse_mode == "embedded":
        home = Home(settings.home)
        yield Step("Spark's extra jars", lambda: made(jars.fetch()))
        yield Step(f"home {home.root}", lambda: make_home(home))
        yield Step("Postgres and the mail catcher", lambda: make_services(home))
    yield Step(f"roles and database {settings.gold_db}", make_gold)
    yield Step("gold's schema", make_schema)
    if settings.warehouse_mode == "embedded" or settings.metastore_db_password.get_secret_value():
        yield Step("Hive metastore's schema", make_metastore)
    yield Step("landing and lake directories", lambda: make_directories(settings))
    if settings.warehouse_mode == "embedded":
        yield Step("archive of Spark's classes", lambda: class_archive.make(load_settings()))


def make_home(home: Home) -> str:
    """The state directory with its generated passwords."""
    there = home.exists()
    home.create()
    return made(not there)


def make_services(home: Home) -> str:
    """The data directory, and both services up."""
    services.create(home)
    services.up(home)
    return ", ".join(f"{name} {address}" for name, address in services.status(home).items())


def make_gold() -> str:
    """Roles and database, where the administrator's password is known."""
    settings = load_settings()
    if not settings.gold_admin_password.get_secret_value():
        return "left alone: GOLD_ADMIN_PASSWORD is not set"
    create_gold(settings)
    return "there"


def make_schema() -> str:
    """What is pending of sql/migrations."""
    return ", ".join(migrate(load_settings())) or "up to date"


def make_metastore() -> str:
    """The metastore's tables; on the embedded server, its role and database too."""
    settings = load_settings()
    if settings.warehouse_mode == "embedded":
        create_metastore(settings)
    return made(metastore.create_schema(settings))


def make_directories(settings: Settings) -> str:
    """Landing, lake and event logs; those on this machine are for us alone."""
    uris = [settings.landing, *(f"{settings.landing}/{source}" for source in SOURCES)]
    uris += [settings.lake, *filter(None, [settings.spark_event_log_uri])]
    elsewhere = [uri for uri in uris if not is_local(uri)]
    here = [Path(uri.removeprefix("file://")) for uri in uris if is_local(uri)]
    new = [make_directory(path) for path in here]
    if elsewhere:
        hadoop.make_directories(settings, elsewhere)
    return "there" if elsewhere else made(any(new))


def made(new: bool) -> str:
    """The word for what a step did."""
    return "made" if new else "there"


def is_local(uri: str) -> bool:
    """Whether a directory lies on this machine."""
    return uri.startswith(("file:", "/"))


def set_up(settings: Settings, *, dry_run: bool) -> None:
    """Go through the steps, or only name them."""
    if settings.warehouse_mode == "embedded":
        os.umask(0o077)
    for step in steps(settings):
        if dry_run:
            say(f"would make: {step.what}")
            continue
        started = time.monotonic()
        outcome = step.make()
        say(f"{step.what}: {outcome} ({time.monotonic() - started:.1f} s)")


def main(
    dry_run: Annotated[bool, typer.Option(help="Only say what would be made.")] = False,
) -> None:
    """Make everything that the jobs need; harmless when it is there."""
    sys.exit(exit_code_of(lambda: set_up(load_settings(), dry_run=dry_run)))


if __name__ == "__main__":
    typer.run(main)
