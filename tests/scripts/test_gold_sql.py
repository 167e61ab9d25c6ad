"""`gold_sql.sh`: its rows, its roles, its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded.home import free_port
from tests.scripts.runner import run, sql


def test_a_row_is_a_line_and_a_tab_is_between_values(warehouse: Path) -> None:
    done = sql(warehouse, "SELECT * FROM (VALUES (1, 'a', 1.50, true), (2, NULL, 0, false)) AS v")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1\ta\t1.50\tt\n2\t\t0\tf\n"


def test_tabs_and_newlines_in_a_value_keep_the_row_on_its_line(warehouse: Path) -> None:
    done = sql(warehouse, r"SELECT E'a\tb\nc\\d'")

    assert done.stdout == "a\\tb\\nc\\\\d\n"


def test_statements_may_come_by_stdin(warehouse: Path) -> None:
    done = run("gold_sql.sh", "-", home=warehouse, stdin="SELECT 1; SELECT '50%';")

    assert done.stdout == "50%\n"


@pytest.mark.parametrize("role", ["owner", "loader", "analyst", "reader"])
def test_it_runs_as_the_role_it_is_told(warehouse: Path, role: str) -> None:
    assert sql(warehouse, "SELECT current_user", role).stdout == f"warehouse_{role}\n"


def test_the_reader_is_the_default(warehouse: Path) -> None:
    done = run("gold_sql.sh", "SELECT current_user", home=warehouse)

    assert done.stdout == "warehouse_reader\n"


@pytest.mark.parametrize(
    ("statement", "message"),
    [("SELEC 1", "syntax error"), ("DELETE FROM dim_dates", "permission denied")],
)
def test_what_postgres_refuses_is_a_usage_error(
    warehouse: Path, statement: str, message: str
) -> None:
    done = sql(warehouse, statement)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_unknown_role_is_a_usage_error(warehouse: Path) -> None:
    assert sql(warehouse, "SELECT 1", role="root").returncode == 2


def test_without_postgres_it_says_to_try_later(warehouse: Path) -> None:
    done = sql(warehouse, "SELECT 1", GOLD_PORT=str(free_port()))

    assert done.returncode == 75
    assert "Connection refused" in done.stderr
