"""Reset and set-up are killed at each point, and started again until they come to their end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.postgres import binaries
from jobs import reset_cluster
from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.db import connect, dsn
from jobs.common.job import JobContext
from jobs.common.lake import make_tables
from jobs.common.migrate import migrate
from jobs.common.session import CATALOG
from jobs.common.settings import Settings
from jobs.metastore import LakeFiles, Metastore
from tests.crashes import apart
from tests.crashes.drivers import KILLED
from tests.crashes.points import MAKE, MIGRATE, RESET, points
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DAY = "2025-03-01 10:00:00"


def reset(context: JobContext) -> None:
    """As somebody does who reads the checksum and confirms it."""
    reset_cluster.run(context, inventory(context).checksum)


def inventory(context: JobContext) -> reset_cluster.Inventory:
    """What a reset would remove."""
    lake = LakeFiles(context.session, context.settings.lake)
    with closing(connect(context.settings, "owner")) as gold:
        return reset_cluster.extract(Metastore(context.session), lake, gold)


def migrations(context: JobContext) -> None:
    migrate(context.settings)


def tables(context: JobContext) -> None:
    make_tables(context.session, context.settings)


def in_order(path: Path) -> list[str]:
    """The points of a file, as a run comes to them."""
    code = path.read_text(encoding="utf-8")
    return sorted(points(path), key=lambda point: code.index(point.split(" ", 1)[1]))


JOBS = {RESET: reset, MIGRATE: migrations, MAKE: tables}
POINTS = {point: job for path, job in JOBS.items() for point in in_order(path)}


@dataclass
class Told:
    """How the killed ended; what a reset would remove after it; the warehouse before and after."""

    codes: dict[str, int]
    left: reset_cluster.Inventory
    schemas: tuple[str, str]
    known: tuple[list[str], list[str]]
    lines: tuple[int, int]


@pytest.fixture(scope="module")
def told(new_warehouse: Callable[..., Warehouse]) -> Told:
    warehouse = new_warehouse()
    codes = {}
    schema, known, lines = look(warehouse)
    for job in JOBS.values():
        for point in (p for p, of in POINTS.items() if of is job):
            codes[point] = apart.killed(warehouse, job, point)
        job(warehouse.context)
        if job is reset:
            left = inventory(warehouse.context)
            forget(warehouse)
    again = look(warehouse)
    return Told(codes, left, (schema, again[0]), (known, again[1]), (lines, again[2]))


def forget(warehouse: Warehouse) -> None:
    """Spark remembers tables that are dropped beside it; set-up is another process."""
    gateway = warehouse.spark.sparkContext._gateway
    identifiers = gateway.jvm.org.apache.spark.sql.connector.catalog.Identifier
    catalogs = warehouse.spark._jsparkSession.sessionState().catalogManager()
    for table in BRONZE_TABLES + DW_TABLES:
        database = gateway.new_array(gateway.jvm.java.lang.String, 1)
        database[0], name = table.full_name.split(".")
        catalogs.catalog(CATALOG).invalidateTable(identifiers.of(database, name))


def look(warehouse: Warehouse) -> tuple[str, list[str], int]:
    """Schema and tables of an empty warehouse; how many lines it then takes."""
    schema = dump(warehouse.settings)
    files = LakeFiles(warehouse.spark, warehouse.settings.lake)
    known = [table.name + table.remark for table in Metastore(warehouse.spark).tables(files)]
    warehouse.deliver("products", "products_20250301.csv", [product()])
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    warehouse.deliver(
        "transactions",
        "transactions_20250301T1200.csv",
        [line(invoice_date=DAY), line("2", invoice_date=DAY)],
    )
    warehouse.take()
    return schema, known, warehouse.gold_rows("SELECT count(*) FROM fact_transactions")[0][0]


def dump(settings: Settings) -> str:
    """Gold's schema as `pg_dump` tells it, but for the key that each dump has of its own."""
    at = dsn(settings, "owner")
    environment = os.environ | {"PGPASSWORD": str(at["password"])}
    command = [binaries() / "pg_dump", "-s", "-h", at["host"], "-p", str(at["port"])]
    command += ["-U", at["user"], at["dbname"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(x for x in done.stdout.splitlines() if "restrict" not in x)


@pytest.mark.parametrize("point", POINTS)
def test_reset_and_set_up_are_killed_at_every_point(told: Told, point: str) -> None:
    assert told.codes[point] == KILLED


def test_a_reset_that_goes_on_leaves_nothing(told: Told) -> None:
    assert told.left.is_empty


def test_a_set_up_that_goes_on_makes_what_one_makes_that_nobody_killed(told: Told) -> None:
    before, after = told.schemas
    assert "CREATE TABLE public.fact_transactions" in before
    assert after == before
    assert told.known[0] == sorted(table.full_name for table in BRONZE_TABLES + DW_TABLES)
    assert told.known[1] == told.known[0]


def test_the_warehouse_that_it_made_works(told: Told) -> None:
    assert told.lines == (2, 2)
