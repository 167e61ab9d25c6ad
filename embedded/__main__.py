"""`python -m embedded`: start, stop and look at the services of WAREHOUSE_HOME."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from embedded import jars, java, services
from embedded.home import Home
from embedded.mailcatcher import caught
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.printable import printable
from jobs.common.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def current_home() -> Home:
    """The home that the settings name."""
    return Home(load_settings().home)


@app.command()
def up() -> None:
    """Start Postgres and the mail catcher; harmless when they are up."""
    home = current_home()
    services.up(home)
    show_status(home)


@app.command()
def down() -> None:
    """Stop what `up` started."""
    stopped = services.down(current_home())
    typer.echo(f"stopped: {', '.join(stopped) or 'nothing was up'}")


@app.command()
def status() -> None:
    """Say what is up and where; exit code 1 when something is down."""
    home = current_home()
    show_status(home)
    if "down" in services.status(home).values():
        raise typer.Exit(1)


@app.command()
def mail() -> None:
    """List the caught messages: date, subject, file."""
    for path, message in caught(current_home()):
        told = (message["Date"] or "-", message["Subject"] or "-", path)
        typer.echo("\t".join(printable(str(each)) for each in told))


@app.command()
def tools() -> None:
    """Bring what Python packages cannot: a Java runtime (as root) and Spark's jars."""
    try:
        found = java.java_home()
    except UsageError:
        if not java.install():
            raise
        found = java.java_home()
    fetched = jars.fetch()
    typer.echo(f"Java: {found}\njars: {'fetched' if fetched else 'there'} ({jars.JARS})")


def show_status(home: Home) -> None:
    """Print a line a service."""
    typer.echo(f"home: {home.root}")
    for name, address in services.status(home).items():
        typer.echo(f"{name}: {address}")


if __name__ == "__main__":
    os.umask(0o077)
    try:
        app(prog_name=f"python -m {Path(__file__).parent.name}")
    except WarehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
