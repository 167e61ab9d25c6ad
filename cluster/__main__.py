"""`python -m cluster`: become a service, ask after it, or run all of them on this machine."""

from __future__ import annotations

import os
import sys

import typer

from cluster import hdfs, hive, local
from cluster.roles import role
from cluster.settings import load_service_settings
from jobs.common.errors import WarehouseError
from jobs.common.job import say

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def run(name: str) -> None:
    """Become a service, in the foreground."""
    role(name).process(load_service_settings()).become()


@app.command()
def check(name: str) -> None:
    """Say whether a service is well; exit code 75 when it is not."""
    say(role(name).check(load_service_settings()))


@app.command()
def schema() -> None:
    """Make the metastore's schema when it isn't there."""
    say(f"metastore's schema: {'made' if hive.make_schema() else 'there'}")


@app.command()
def jars() -> None:
    """Bring the jars that HDFS runs on."""
    say(f"Hadoop's jars: {'fetched' if hdfs.fetch_jars() else 'there'}")


@app.command()
def up(workers: int = typer.Option(2, min=1, help="Spark workers.")) -> None:
    """Start a whole cluster on this machine; harmless when it is up."""
    local.up(workers)


@app.command()
def down() -> None:
    """Stop what `up` started; the data stays."""
    local.down()


@app.command()
def status() -> None:
    """Say what is up and where; exit code 75 when something is down."""
    local.status()


@app.command("run-job", context_settings={"ignore_unknown_options": True})
def run_job(command: list[str]) -> None:
    """Run a command with the settings of jobs."""
    local.become_job(command)


@app.command()
def env() -> None:
    """Print the settings that jobs need, a KEY=value a line; passwords among them."""
    local.print_environment()


if __name__ == "__main__":
    os.umask(0o077)
    try:
        app(prog_name="python -m cluster")
    except WarehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
