"""Each role tried on what it must do, and on what it must not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.db import Role, connect
from jobs.common.roles import GOLD_ROLES, administrator
from jobs.common.settings import Settings
from tests.notify.gold import Gold
from tests.support.databases import query

STAR = ("fact_transactions", "dim_products", "dim_customers", "dim_countries", "dim_dates")
FOUND = ("transactions_error", "anomalies", "anomaly_baselines", "anomaly_history")
VIEWS = (
    "v_top_buyers_by_region", "v_sales_by_category", "v_revenue_by_month", "v_price_history",
    "v_purchase_history", "v_transaction_status", "v_anomaly_coverage",
)  # fmt: skip
ACCOUNTS = (
    "ops.runs", "ops.v_runs", "ops.checks", "ops.loaded_files", "ops.rejected_rows",
    "ops.fact_months", "ops.loaded_snapshots", "ops.empty_files", "ops.late_views",
    "ops.sales_by_month", "ops.sales_by_buyer", "ops.sales_by_day", "ops.breaker_trips",
    "ops.pending_files",
)  # fmt: skip
QUEUES = (
    "ops.watermarks",
    "ops.sales_changes",
    "ops.mail_outbox",
    "ops.mail_findings",
    "ops.erased_customers",
    "ops.redacted_files",
    "ops.corrections",
)
# What the owner alone knows.
SECRET = ("ops.signing_key", "ops.schema_migrations", "ops.erasure_key")

NEW_RUN = "INSERT INTO ops.runs (job, who, backend_pid) VALUES ('a', 'b', 0)"
NEW_ERROR = (
    "INSERT INTO transactions_error (error_id, raw, rules, source_file, source_line, file_key,"
    " batch_id) VALUES ('e', '{}', '{malformed_row}', 'f', 2, 1, 1)"
)

MAY: list[tuple[Role, str]] = [
    ("loader", NEW_RUN),
    ("loader", "UPDATE ops.runs SET status = 'done'"),
    ("loader", "INSERT INTO dim_countries (country_sk, country_id, country) VALUES (1, 1, 'A')"),
    ("loader", "UPDATE dim_products SET description = 'x'"),
    ("loader", "DELETE FROM fact_transactions"),
    ("loader", "DELETE FROM ops.sales_changes"),
    ("loader", NEW_ERROR),
    ("loader", "CREATE UNLOGGED TABLE staging.lines_9 (x int)"),
    ("loader", "CREATE TEMP TABLE winners (x int)"),
    ("loader", "SELECT ops.create_fact_month('2030-01-01')"),
    ("loader", "SELECT ops.drop_run_staging('lines_1')"),
    ("loader", "SELECT ops.issue_purchase_token('C1')"),
    ("analyst", "UPDATE anomalies SET status = 'RESOLVED', investigator_notes = 'a pallet'"),
    ("customer", "SELECT 1"),
]

MAY_NOT: list[tuple[Role, str]] = [
    ("loader", "DROP TABLE dim_products"),
    ("loader", "ALTER TABLE dim_products ADD x int"),
    ("loader", "ALTER TABLE fact_transactions DROP CONSTRAINT fact_transactions_pkey"),
    ("loader", "TRUNCATE fact_transactions"),
    ("loader", "DROP TRIGGER anomaly_review ON anomalies"),
    ("loader", "CREATE TABLE public.mine (x int)"),
    ("loader", "CREATE TABLE ops.mine (x int)"),
    ("loader", "CREATE SCHEMA mine"),
    ("loader", "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql RETURN 1"),
    ("loader", "DELETE FROM ops.runs"),
    ("loader", "DELETE FROM ops.loaded_files"),
    ("loader", "UPDATE ops.sales_changes SET stock_code = 'x'"),
    ("loader", "UPDATE anomaly_history SET new_status = 'NEW'"),
    ("loader", "INSERT INTO ops.mail_outbox (message_id) VALUES ('<a@b>')"),
    ("loader", "SELECT ops.sign_text('C1')"),
    ("loader", "SELECT * FROM purchase_history('x')"),
    ("loader", "SET ROLE warehouse_owner"),
    ("analyst", "UPDATE anomalies SET still_flagged = false"),
    ("analyst", "UPDATE anomalies SET threshold = 0"),
    ("analyst", "UPDATE anomalies SET status = 'NEW', quantity = 1"),
    ("analyst", "INSERT INTO anomalies (transaction_id) VALUES ('1-1')"),
    ("analyst", "DELETE FROM anomalies"),
    ("analyst", "DELETE FROM anomaly_history"),
    ("analyst", "UPDATE anomaly_baselines SET median_qty = 0"),
    ("analyst", "UPDATE transactions_error SET status = 'DISCARDED'"),
    ("analyst", "DELETE FROM ops.sales_changes"),
    ("reader", "UPDATE anomalies SET status = 'RESOLVED'"),
    ("reader", "UPDATE anomalies SET investigator_notes = 'x'"),
    *((role, f"DELETE FROM {table}") for role in ("analyst", "reader") for table in STAR),
    *((role, statement) for role in ("analyst", "reader", "customer") for statement in (
        NEW_RUN,
        "INSERT INTO dim_countries (country_sk, country_id, country) VALUES (1, 1, 'A')",
        "UPDATE fact_transactions SET quantity = 1",
        "CREATE TABLE public.mine (x int)",
        "CREATE TABLE staging.mine (x int)",
        "CREATE TEMP TABLE mine (x int)",
        "SELECT ops.create_fact_month('2030-01-01')",
        "SELECT ops.drop_run_staging('lines_1')",
        "SELECT ops.add_finding('errors', 1, 1)",
        "SELECT ops.issue_purchase_token('C1')",
        "SELECT ops.sign_text('C1')",
    )),
    ("reader", "SELECT * FROM purchase_history('x')"),
    ("analyst", "SELECT * FROM purchase_history('x')"),
]  # fmt: skip


@pytest.fixture(scope="module")
def gold(gold_settings: Settings) -> Settings:
    """Gold with an anomaly to review."""
    put_anomaly(gold_settings)
    return gold_settings


def put_anomaly(settings: Settings) -> None:
    findings = Gold(settings)
    findings.find_odd()
    findings.loader.close()


def attempt(gold: Settings, role: Role, statement: str) -> None:
    """Run a statement as a role; whatever it did is undone."""
    with closing(connect(gold, role)) as conn, conn.cursor() as cur:
        cur.execute(statement)
        conn.rollback()


@pytest.mark.parametrize(("role", "statement"), MAY)
def test_a_role_may_do_its_work(gold: Settings, role: Role, statement: str) -> None:
    attempt(gold, role, statement)


@pytest.mark.parametrize(("role", "statement"), MAY_NOT)
def test_a_role_may_not_do_more(gold: Settings, role: Role, statement: str) -> None:
    # What it has no right to alter, Postgres words as "must be owner" or "permission denied".
    with pytest.raises(InsufficientPrivilege):
        attempt(gold, role, statement)


@pytest.mark.parametrize("role", ["analyst", "reader"])
def test_people_read_the_star_the_findings_the_views_and_the_runs(
    gold: Settings, role: Role
) -> None:
    for relation in (*STAR, *FOUND, *VIEWS, *ACCOUNTS):
        attempt(gold, role, f"SELECT * FROM {relation}")


def test_only_the_analyst_of_the_two_reads_the_queues(gold: Settings) -> None:
    for relation in QUEUES:
        attempt(gold, "analyst", f"SELECT * FROM {relation}")
        with pytest.raises(InsufficientPrivilege):
            attempt(gold, "reader", f"SELECT * FROM {relation}")


@pytest.mark.parametrize("role", ["loader", "analyst", "reader", "customer"])
@pytest.mark.parametrize("relation", SECRET)
def test_the_owner_alone_reads_key_and_ledger(gold: Settings, role: Role, relation: str) -> None:
    attempt(gold, "owner", f"SELECT * FROM {relation}")

    with pytest.raises(InsufficientPrivilege):
        attempt(gold, role, f"SELECT * FROM {relation}")


def test_an_analysts_review_is_kept_under_the_analysts_name(
    new_gold: Callable[[], Settings],
) -> None:
    gold = new_gold()
    put_anomaly(gold)

    query(gold, "UPDATE anomalies SET status = 'RESOLVED'", role="analyst")

    kept = "SELECT old_status, new_status, changed_by FROM anomaly_history"
    assert query(gold, kept) == [("NEW", "RESOLVED", "warehouse_analyst")]
    queued = "SELECT stock_code, month::text, reason FROM ops.sales_changes"
    assert query(gold, queued) == [("85123A", "2010-12-01", "review")]


def test_the_customers_role_has_no_right_on_any_relation(gold: Settings) -> None:
    found = query(
        gold,
        "SELECT c.oid::regclass::text FROM pg_class AS c"
        " WHERE c.relnamespace IN ('public'::regnamespace, 'ops'::regnamespace,"
        " 'staging'::regnamespace) AND CASE c.relkind"
        " WHEN 'S' THEN has_sequence_privilege(%s, c.oid, 'USAGE, SELECT, UPDATE')"
        " WHEN 'i' THEN false WHEN 'I' THEN false"
        " ELSE has_any_column_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')"
        " OR has_table_privilege(%s, c.oid, 'DELETE, TRUNCATE, TRIGGER, MAINTAIN') END",
        *["customer_reader"] * 3,
    )

    assert found == []


def test_the_customers_role_may_execute_one_function_of_ours(gold: Settings) -> None:
    found = query(
        gold,
        "SELECT p.proname::text FROM pg_proc AS p"
        " WHERE p.pronamespace IN ('public'::regnamespace, 'ops'::regnamespace)"
        " AND has_schema_privilege(%s, p.pronamespace, 'USAGE')"
        " AND has_function_privilege(%s, p.oid, 'EXECUTE')",
        *["customer_reader"] * 2,
    )

    assert found == [("purchase_history",)]


def test_the_readers_rights_are_to_select(gold: Settings) -> None:
    granted = (
        "SELECT DISTINCT privilege_type::text FROM information_schema.role_table_grants"
        " WHERE grantee = 'warehouse_reader'"
    )

    assert query(gold, granted) == [("SELECT",)]


def test_an_analysts_other_rights_are_two_columns(gold: Settings) -> None:
    granted = (
        "SELECT table_name::text, column_name::text, privilege_type::text"
        " FROM information_schema.role_column_grants"
        " WHERE grantee = 'warehouse_analyst' AND privilege_type <> 'SELECT' ORDER BY 2"
    )

    assert query(gold, granted) == [
        ("anomalies", "investigator_notes", "UPDATE"),
        ("anomalies", "status", "UPDATE"),
    ]


def test_nobody_rules_the_server(gold: Settings) -> None:
    names = list(GOLD_ROLES.values())
    rights = (
        "SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%s) AND rolcanlogin"
        " AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)"
    )
    members = "SELECT 1 FROM pg_auth_members WHERE member::regrole::text = ANY(%s)"

    assert {name for (name,) in query(gold, rights, names)} == set(names)
    assert query(gold, members, names) == []


def test_a_database_is_closed_to_roles_that_are_not_named(gold: Settings) -> None:
    granted = (
        "SELECT DISTINCT a.grantee::regrole::text, a.privilege_type FROM pg_database AS d"
        " CROSS JOIN aclexplode(d.datacl) AS a WHERE d.datname = current_database()"
        " AND a.grantee <> d.datdba ORDER BY 1, 2"
    )

    assert query(gold, granted) == [
        ("customer_reader", "CONNECT"),
        ("warehouse_analyst", "CONNECT"),
        ("warehouse_loader", "CONNECT"),
        ("warehouse_loader", "TEMPORARY"),
        ("warehouse_reader", "CONNECT"),
    ]


def test_functions_that_run_as_the_owner_fix_their_search_path(gold: Settings) -> None:
    found = dict(
        query(
            gold,
            "SELECT p.oid::regproc::text, array_to_string(p.proconfig, '; ') FROM pg_proc AS p"
            " WHERE p.prosecdef AND p.pronamespace <> 'pg_catalog'::regnamespace",
        )
    )

    assert len(found) == 22
    for name, configuration in found.items():
        paths = [c for c in (configuration or "").split("; ") if c.startswith("search_path=")]
        assert paths in (
            ["search_path=pg_catalog, pg_temp"],
            ["search_path=public, pg_temp"],
        ), name


def test_what_runs_as_the_owner_is_not_for_the_public(gold: Settings) -> None:
    open_to_all = (
        "SELECT p.oid::regproc::text FROM pg_proc AS p"
        " CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a"
        " WHERE p.prosecdef AND a.grantee = 0 AND p.pronamespace <> 'pg_catalog'::regnamespace"
    )

    assert query(gold, open_to_all) == []


def test_a_table_of_the_callers_own_deceives_no_function_of_the_owner(gold: Settings) -> None:
    with closing(connect(gold, "loader")) as conn, conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE mail_outbox (message_id text)")
        cur.execute("CREATE TEMP TABLE fact_transactions (mine int)")
        cur.execute("SELECT ops.create_fact_month('2031-01-01')")
        cur.execute("SELECT transaction_id FROM public.fact_transactions_2031_01")
        conn.rollback()


@pytest.mark.parametrize("name", ["dim_products", "lines_1; DROP TABLE dim_dates", "Lines_1", ""])
def test_only_staging_tables_are_dropped_for_the_loader(gold: Settings, name: str) -> None:
    with pytest.raises(psycopg2.errors.RaiseException, match="not a staging table"):
        query(gold, "SELECT ops.drop_run_staging(%s)", name, role="loader")


def test_passwords_are_kept_as_scram_verifiers(gold: Settings) -> None:
    with administrator(gold, "postgres") as admin, admin.cursor() as cur:
        cur.execute(
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%s)",
            (list(GOLD_ROLES.values()),),
        )
        kept = dict(cur.fetchall())

    assert set(kept) == set(GOLD_ROLES.values())
    assert all(verifier.startswith("SCRAM-SHA-256$") for verifier in kept.values())


def test_every_session_of_ours_is_in_utc_and_finds_no_foreign_names(gold: Settings) -> None:
    kept = (
        "SELECT s.setrole::regrole::text, array_to_string(s.setconfig, '; ')"
        " FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase"
        " WHERE d.datname = current_database()"
    )
    jobs = "search_path=public, ops, staging, pg_temp; TimeZone=UTC"
    people = (
        "search_path=public, pg_temp; default_transaction_isolation=repeatable read; TimeZone=UTC"
    )

    assert dict(query(gold, kept)) == {
        "warehouse_owner": "search_path=public, ops, pg_temp; TimeZone=UTC",
        "warehouse_loader": jobs,
        "warehouse_analyst": people,
        "warehouse_reader": people,
        "customer_reader": people,
    }
