"""Runs SQL on gold and prints its rows, a line a row, tabs between, no header.

A null prints as nothing; tabs, newlines and backslashes inside a value as `\\t`, `\\n`
and `\\\\`, other controls as `\\x1b`, so that no value steers a terminal. Several statements
are one transaction; the last one's rows are printed.
"""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated, Literal

import psycopg2
import typer
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import new_type, register_type, string_types

from jobs.common.db import connect
from jobs.common.errors import UsageError
from jobs.common.job import exit_code_of
from jobs.common.settings import get_settings

Role = Literal["owner", "loader", "analyst", "reader"]
ROWS_AT_ONCE = 10_000
CONTROLS = {chr(code): f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
ESCAPES = str.maketrans({**CONTROLS, "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def run_sql(statement: str, role: Role) -> None:
    """Run it and print the rows.

    Raises:
        UsageError: Postgres refuses the statement.
        TransientError: Postgres does not answer.
    """
    with closing(connect(get_settings(), role)) as conn:
        keep_text(conn)
        try:
            with conn, conn.cursor() as cur:
                cur.execute(statement)
                while cur.description and (rows := cur.fetchmany(ROWS_AT_ONCE)):
                    sys.stdout.write("".join(map(as_line, rows)))
        except psycopg2.OperationalError:
            raise
        except psycopg2.Error as error:
            raise UsageError(str(error).strip()) from None


def keep_text(conn: Connection) -> None:
    """Take every value as the server writes it."""
    as_text = new_type(tuple(string_types), "TEXT", lambda value, _: value)
    register_type(as_text, conn)


def as_line(row: tuple[str | None, ...]) -> str:
    """One row as a line."""
    return "\t".join((value or "").translate(ESCAPES) for value in row) + "\n"


def main(
    statement: Annotated[str, typer.Argument(help="The SQL; `-` reads it from stdin.")],
    role: Annotated[Role, typer.Option(help="Whose rights it runs with.")] = "reader",
) -> None:
    """Run SQL on gold and print its rows."""
    text = sys.stdin.read() if statement == "-" else statement
    sys.exit(exit_code_of(lambda: run_sql(text, role)))


if __name__ == "__main__":
    typer.run(main)
