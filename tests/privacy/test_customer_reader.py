"""The customers' role, tried from outside: a connection of its own, and everything there is."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from jobs.common.db import connect, dsn
from jobs.common.roles import create_metastore
from jobs.common.settings import Settings
from tests.support.databases import query

RELATIONS = (
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname IN ('public', 'ops', 'staging')"
)
FUNCTIONS = (
    "SELECT format('%I.%I', n.nspname, p.proname), p.proargtypes::regtype[]::text[]"
    " FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
    " WHERE n.nspname IN ('public', 'ops', 'staging') AND p.prorettype <> 'trigger'::regtype"
)
ELSEWHERE = (
    "SELECT * FROM pg_authid",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/x'",
    "SELECT lo_import('/etc/passwd')",
    "SET ROLE warehouse_reader",
    "SET SESSION AUTHORIZATION warehouse_owner",
    "CREATE TABLE mine (x int)",
    "CREATE SCHEMA mine",
    "CREATE TEMP TABLE mine (x int)",
    "ALTER FUNCTION purchase_history(text) SECURITY INVOKER",
)


def refused(gold: Settings, statement: str) -> bool:
    """Whether a connection of the role's own is refused the statement for want of rights."""
    with closing(connect(gold, "customer")) as conn, conn.cursor() as cur:
        try:
            cur.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            return True
        except psycopg2.Error as error:
            # "must be superuser" has codes of its own
            return "must be" in str(error) or "permission denied" in str(error)
    return False


def test_no_table_view_or_sequence_answers(gold_settings: Settings) -> None:
    found = [row[0] for row in query(gold_settings, RELATIONS)]

    assert {"public.dim_customers", "public.v_purchase_history", "ops.signing_key"} <= set(found)
    assert [each for each in found if not refused(gold_settings, f"SELECT * FROM {each}")] == []


def test_no_function_answers_without_a_token(gold_settings: Settings) -> None:
    calls = {
        name: f"SELECT {name}({', '.join(f'NULL::{kind}' for kind in kinds)})"
        for name, kinds in query(gold_settings, FUNCTIONS)
    }

    open_ones = [name for name, call in calls.items() if not refused(gold_settings, call)]
    assert len(calls) > 15
    assert open_ones == []
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="the token is not valid"):
        query(gold_settings, calls["public.purchase_history"], role="customer")


@pytest.mark.parametrize("statement", ELSEWHERE)
def test_the_server_is_closed_to_it(gold_settings: Settings, statement: str) -> None:
    assert refused(gold_settings, statement)


def test_the_metastore_does_not_let_it_in(settings: Settings) -> None:
    create_metastore(settings)

    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(**dsn(settings, "customer", settings.metastore_db_name))
