"""Set-up: what is there afterwards, who may do what, and that again is harmless."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from dotenv import dotenv_values

from jobs.common.roles import GOLD_ROLES
from tests.scripts.runner import ROOT, run, sql


def log_in(home: Path, user: str, password: str, database: str) -> str:
    recorded = dotenv_values(home / "embedded.env")
    with (
        closing(
            psycopg2.connect(
                host="127.0.0.1",
                port=recorded["GOLD_PORT"],
                user=user,
                password=recorded[password],
                dbname=database,
            )
        ) as conn,
        conn.cursor() as cur,
    ):
        cur.execute("SELECT current_setting('search_path'), current_setting('timezone')")
        row = cur.fetchone()
    assert row is not None
    return f"{row[0]}; {row[1]}"


def test_all_migrations_are_recorded_in_order(warehouse: Path) -> None:
    done = sql(
        warehouse,
        "SELECT lpad(version::text, 3, '0') || '_' || name || '.sql' FROM ops.schema_migrations"
        " ORDER BY version",
        role="owner",
    )

    files = sorted(path.name for path in (ROOT / "sql" / "migrations").glob("*.sql"))
    assert done.stdout.splitlines() == files


def test_again_is_harmless(warehouse: Path) -> None:
    before = (warehouse / "embedded.env").read_bytes()

    done = run("run_setup.sh", home=warehouse)

    assert (done.returncode, done.stderr) == (0, "")
    assert "up to date" in done.stdout
    assert "made" not in done.stdout
    assert (warehouse / "embedded.env").read_bytes() == before


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    done = run("run_setup.sh", "--dry-run", home=tmp_path / "home")

    assert done.returncode == 0
    assert f"would make: home {tmp_path / 'home'}" in done.stdout
    assert not (tmp_path / "home").exists()


def test_landing_and_lake_are_there_and_private(warehouse: Path) -> None:
    for name in ("landing/transactions", "landing/products", "landing/countries", "lake"):
        assert (warehouse / name).is_dir()
    assert stat.S_IMODE((warehouse / "landing").stat().st_mode) == 0o700
    assert stat.S_IMODE((warehouse / "lake").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("owner", "public, ops, pg_temp; UTC"),
        ("loader", "public, ops, staging, pg_temp; UTC"),
        ("analyst", "public, pg_temp; UTC"),
        ("reader", "public, pg_temp; UTC"),
        ("customer", "public, pg_temp; UTC"),
    ],
)
def test_sessions_start_in_utc_with_a_fixed_path(warehouse: Path, role: str, path: str) -> None:
    password = f"GOLD_{role.upper()}_PASSWORD"

    assert log_in(warehouse, GOLD_ROLES[role], password, "ecommerce_gold") == path


@pytest.mark.parametrize(
    ("user", "password", "database"),
    [
        ("hive", "METASTORE_DB_PASSWORD", "ecommerce_gold"),
        ("hive", "METASTORE_DB_PASSWORD", "postgres"),
        ("warehouse_loader", "GOLD_LOADER_PASSWORD", "hive_metastore"),
        ("warehouse_owner", "GOLD_OWNER_PASSWORD", "hive_metastore"),
        ("warehouse_reader", "GOLD_READER_PASSWORD", "postgres"),
        ("customer_reader", "GOLD_CUSTOMER_PASSWORD", "template1"),
    ],
)
def test_a_role_connects_only_where_its_work_is(
    warehouse: Path, user: str, password: str, database: str
) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        log_in(warehouse, user, password, database)


@pytest.mark.parametrize("role", ["loader", "analyst", "reader"])
@pytest.mark.parametrize("schema", ["public", "ops"])
def test_only_the_owner_makes_tables(warehouse: Path, role: str, schema: str) -> None:
    done = sql(warehouse, f"CREATE TABLE {schema}.mine ()", role=role)

    assert done.returncode == 2
    assert "permission denied" in done.stderr


def test_the_metastore_has_hives_schema(warehouse: Path) -> None:
    recorded = dotenv_values(warehouse / "embedded.env")
    with (
        closing(
            psycopg2.connect(
                host="127.0.0.1",
                port=recorded["METASTORE_DB_PORT"],
                user="hive",
                password=recorded["METASTORE_DB_PASSWORD"],
                dbname="hive_metastore",
            )
        ) as conn,
        conn.cursor() as cur,
    ):
        cur.execute('SELECT "SCHEMA_VERSION" FROM "VERSION"')
        versions = cur.fetchall()
        cur.execute("SELECT count(*) FROM pg_tables WHERE tablename IN ('DBS', 'TBLS', 'SDS')")
        tables = cur.fetchone()

    assert versions == [("2.3.0",)]
    assert tables == (3,)


def test_a_role_cannot_be_renamed_past_the_migrations(warehouse: Path) -> None:
    done = run("run_setup.sh", home=warehouse, GOLD_LOADER_USER="someone")

    assert done.returncode == 2
    assert "GOLD_LOADER_USER must be warehouse_loader" in done.stderr


def test_a_changed_password_is_set(warehouse: Path) -> None:
    other = {"GOLD_READER_PASSWORD": "another one: 'é\\"}
    assert sql(warehouse, "SELECT 1", **other).returncode != 0

    run("run_setup.sh", home=warehouse, **other)

    assert sql(warehouse, "SELECT 1", **other).stdout == "1\n"
    run("run_setup.sh", home=warehouse)
    assert sql(warehouse, "SELECT 1").stdout == "1\n"
