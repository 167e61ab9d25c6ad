"""What the generators say when they cannot go on: one line on stderr, and the exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from jobs.common.errors import BadInput, WarehouseError
from jobs.common.printable import printable


def bad_input(file: object, what: str, do: str, line: int | None = None) -> BadInput:
    """The error for input that cannot be used; `line` is the physical line, counted from 1."""
    return BadInput(what, where=f"{file}, line {line}" if line is not None else f"{file}", do=do)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn an error of ours, or a file that cannot be written, into one line and an exit code."""
    try:
        yield
    except WarehouseError as error:
        _leave(": ".join(filter(None, (error.where, error.what))), error.do, error.exit_code)
    except OSError as error:
        _leave(f"{error.filename}: {error.strerror}", "check the path, its rights and the space", 1)


def _leave(what: str, do: str, code: int) -> None:
    typer.echo(printable(f"error: {what}; {do}"), err=True)
    raise typer.Exit(code)
