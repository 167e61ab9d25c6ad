"""What no role may do: rule the server, become another, run as the owner what is not meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.db import Role, connect
from jobs.common.errors import UsageError
from jobs.common.roles import GOLD_ROLES, administrator, create_gold
from jobs.common.settings import PROJECT_ROOT, Settings
from tests.support.databases import drop, query

# What rules a server or reads its files: nothing that any of our roles, the owner included, may do.
SERVER = (
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/owned'",
        "COPY (SELECT 1) TO '/tmp/owned'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT pg_reload_conf()",
    "ALTER SYSTEM SET log_statement = 'all'",
    "SET session_replication_role = 'replica'",
    "SET log_statement = 'none'",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE c AS 'libc.so.6', 'getpid'",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "ALTER ROLE postgres PASSWORD 'x'",
    "ALTER DATABASE postgres SET search_path = 'x'",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE FOREIGN DATA WRAPPER mine",
)  # fmt: skip
OF_THEIR_OWN = ("warehouse_owner", "warehouse_loader", "warehouse_analyst", "warehouse_reader",
                "customer_reader")  # fmt: skip

# Calls of the owner's functions with what they must not take.
BAD_CALLS = (
    "SELECT ops.create_fact_month('2030-01-02')",
    "SELECT ops.create_fact_month('infinity')",
    "SELECT ops.create_fact_month(NULL)",
    "SELECT ops.create_fact_months(NULL)",
    "SELECT ops.create_fact_months('{2030-01-01,2030-01-15}')",
    "SELECT ops.create_fact_months('{2030-01-01,2030-01-01}')",
    "SELECT ops.attach_fact_month('2030-01-01')",
    "SELECT ops.attach_fact_months('{2030-01-01}')",
    "SELECT ops.drop_run_staging(NULL)",
    "SELECT ops.add_finding('; DROP TABLE anomalies', 1, 1)",
    "SELECT ops.add_finding(NULL, 1, 1)",
    "SELECT ops.issue_purchase_token('C1', 'infinity')",
)


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    return gold_settings


def refused(gold: Settings, role: Role, statement: str) -> bool:
    """Whether a role lacks the right; the statement is a transaction of its own."""
    with closing(connect(gold, role)) as conn, conn.cursor() as cur:
        conn.autocommit = True
        try:
            cur.execute(statement)
        except InsufficientPrivilege:
            return True
        except psycopg2.Error as error:
            pytest.fail(f"{statement}: {error}")
    return False


@pytest.mark.parametrize("role", ["owner", "loader", "analyst", "reader", "customer"])
def test_no_role_rules_the_server_or_leaves_the_database(gold: Settings, role: Role) -> None:
    assert [statement for statement in SERVER if not refused(gold, role, statement)] == []


@pytest.mark.parametrize("role", ["owner", "loader", "analyst", "reader", "customer"])
def test_no_role_becomes_or_changes_another(gold: Settings, role: Role) -> None:
    mine = GOLD_ROLES[role]
    for other in OF_THEIR_OWN:
        asked = [f"ALTER ROLE {other} SUPERUSER", f"ALTER ROLE {other} CREATEROLE"]
        if other != mine:
            asked += [
                f"SET ROLE {other}",
                f"GRANT {other} TO {mine}",
                f"ALTER ROLE {other} PASSWORD 'x'",
                f"ALTER ROLE {other} SET search_path = 'x'",
            ]
        assert [statement for statement in asked if not refused(gold, role, statement)] == []


@pytest.mark.parametrize("role", ["loader", "analyst", "reader", "customer"])
def test_only_the_owner_makes_functions_that_others_could_run(gold: Settings, role: Role) -> None:
    for schema in ("public", "ops", "pg_catalog"):
        asked = (
            f"CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql RETURN 1",
            f"CREATE VIEW {schema}.mine AS SELECT 1",
            f"CREATE TYPE {schema}.mine AS (x int)",
        )
        assert [statement for statement in asked if not refused(gold, role, statement)] == []


@pytest.mark.parametrize("call", BAD_CALLS)
def test_what_runs_as_the_owner_refuses_odd_arguments(gold: Settings, call: str) -> None:
    tables = "SELECT count(*) FROM pg_class WHERE relname LIKE 'fact%' OR relname = 'new_months'"
    before = query(gold, tables)

    with pytest.raises(psycopg2.Error):
        query(gold, call, role="loader")

    assert query(gold, tables) == before


def test_a_function_of_the_loaders_deceives_no_session_of_the_owner(
    new_gold: Callable[[], Settings],
) -> None:
    gold = new_gold()
    query(
        gold,
        "CREATE FUNCTION staging.upper(integer) RETURNS text LANGUAGE sql"
        " RETURN 'the loader''s, as ' || current_user",
        role="loader",
    )

    with pytest.raises(psycopg2.errors.UndefinedFunction):
        query(gold, "SELECT upper(1)")


def test_a_databases_name_is_a_name(gold: Settings) -> None:
    odd = gold.model_copy(update={"gold_db": "gold\"'; DROP DATABASE \\x; --%s"})

    create_gold(odd)

    try:
        assert query(odd, "SELECT current_database(), current_user") == [
            (odd.gold_db, "warehouse_owner")
        ]
    finally:
        drop(odd)


def test_the_server_lets_no_one_in_but_by_scram_and_from_this_machine(gold: Settings) -> None:
    with administrator(gold, "postgres") as admin, admin.cursor() as cur:
        cur.execute("SELECT type, address, auth_method, error FROM pg_hba_file_rules")
        rules = cur.fetchall()
        cur.execute("SELECT current_setting('password_encryption')")
        kept_as = cur.fetchone()

    assert rules == [("host", "127.0.0.1", "scram-sha-256", None)]
    assert kept_as == ("scram-sha-256",)


@pytest.mark.parametrize("role", ["owner", "loader", "analyst", "reader", "customer"])
def test_a_job_told_to_be_the_administrator_refuses(gold: Settings, role: Role) -> None:
    told = {f"gold_{role}_user": "postgres", f"gold_{role}_password": gold.gold_admin_password}

    with pytest.raises(UsageError, match="postgres rules the server") as refused:
        connect(gold.model_copy(update=told), role)

    assert f"GOLD_{role.upper()}_USER" in str(refused.value)


def test_no_job_logs_in_as_the_administrator() -> None:
    """Set-up and restore make roles and databases; nothing else can."""
    asks = re.compile(
        r"\badministrator\(|[\"']admin[\"']|gold_admin_|create_gold\(|create_metastore\("
    )
    sources = {path.relative_to(PROJECT_ROOT).as_posix(): path.read_text(encoding="utf-8")
               for folder in ("jobs", "embedded", "cluster", "generators")
               for path in (PROJECT_ROOT / folder).rglob("*.py")}  # fmt: skip

    assert len(sources) > 90
    assert {name for name, text in sources.items() if asks.search(text)} == {
        "jobs/common/settings.py",  # the variables
        "jobs/common/db.py",  # the role's name
        "jobs/common/roles.py",
        "jobs/setup.py",
        "jobs/backup/gold.py",  # a restore makes the database anew
        "cluster/local.py",  # the metastore's database of a cluster on one machine
    }
