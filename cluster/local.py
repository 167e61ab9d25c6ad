"""A whole cluster on this machine: up, down, status, and jobs in its settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from cluster import hdfs
from cluster.layout import Cluster, Service
from cluster.processes import ask, problem_of, running, start, stop
from embedded import jars, services
from embedded.home import Home
from embedded.postgres import Postgres
from jobs.common.errors import TransientError, UsageError
from jobs.common.job import say
from jobs.common.roles import create_metastore
from jobs.common.settings import Settings

DEFAULT = ".cluster"


def cluster_here() -> Cluster:
    """The cluster that CLUSTER_HOME names."""
    return Cluster(Path(os.environ.get("CLUSTER_HOME") or DEFAULT).expanduser().resolve())


def existing() -> Cluster:
    """The same; it has to be there.

    Raises:
        UsageError: it isn't.
    """
    cluster = cluster_here()
    if not cluster.exists():
        raise UsageError(
            "there is no cluster yet", where=str(cluster.root), do="scripts/cluster.sh up"
        )
    return cluster


def up(workers: int) -> None:
    """Start everything; harmless when it is up.

    Raises:
        TransientError: a service doesn't start.
    """
    cluster = cluster_here()
    jars.fetch()
    hdfs.fetch_jars()
    cluster.create(workers)
    databases_up(cluster)
    for service in cluster.services():
        start(cluster, service)
        say(f"{service.name}: {service.address}, {ask(service)}")
    say("next: scripts/cluster.sh run scripts/run_setup.sh")


def databases_up(cluster: Cluster) -> None:
    """Gold's Postgres with the mail catcher, and the metastore's Postgres with its role."""
    gold, metastore = cluster.gold, cluster.metastore_database
    for home in (gold, metastore):
        home.create()
        services.create(home)
    services.up(gold)
    Postgres(metastore).start()
    create_metastore(settings_of(metastore))
    say(f"gold: 127.0.0.1:{gold.read()['GOLD_PORT']}")
    say(f"metastore's database: 127.0.0.1:{metastore.read()['METASTORE_DB_PORT']}")


def settings_of(home: Home) -> Settings:
    """The settings that a home's own file tells, and nothing else."""
    return Settings(_env_file=home.env_file)  # type: ignore[call-arg]


def down() -> None:
    """Stop everything, the last started first; the data stays."""
    cluster = existing()
    stopped = [s.name for s in reversed(cluster.services()) if stop(cluster, s)]
    for home in (cluster.gold, cluster.metastore_database):
        stopped += services.down(home)
    say(f"stopped: {', '.join(stopped) or 'nothing was up'}")


def status() -> None:
    """Say what is up and where.

    Raises:
        TransientError: something is down.
    """
    cluster = existing()
    words = {service.name: word_on(cluster, service) for service in cluster.services()}
    words["gold"] = word_on_database(cluster.gold)
    words["metastore's database"] = word_on_database(cluster.metastore_database)
    for name, word in words.items():
        say(f"{name}: {word or 'down'}")
    missing = [name for name, word in words.items() if not word]
    if missing:
        raise TransientError(f"down: {', '.join(missing)}", do="scripts/cluster.sh up")


def word_on(cluster: Cluster, service: Service) -> str:
    """Its address and what it says of itself; empty when it is down."""
    if running(cluster, service) is None or problem_of(service):
        return ""
    return f"{service.address}, {ask(service)}"


def word_on_database(home: Home) -> str:
    """Its address; empty when it is down."""
    return f"127.0.0.1:{home.read()['GOLD_PORT']}" if Postgres(home).is_up() else ""


def print_environment() -> None:
    """The settings of jobs, a KEY=value a line."""
    for key, value in sorted(existing().job_environment().items()):
        say(f"{key}={value}")


def become_job(command: list[str]) -> NoReturn:
    """Run a command with the settings of jobs.

    Raises:
        UsageError: there is no such command.
    """
    environment = existing().job_environment()
    try:
        os.execvpe(command[0], command, os.environ | environment)  # noqa: S606 - no shell wanted
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be run: {error.strerror}") from None
