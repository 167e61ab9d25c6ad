"""Reset of a cluster's warehouse: what would go is said, and just that goes, whatever is broken."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from dotenv import dotenv_values

from embedded import services
from embedded.home import Home
from jobs.common.db import connect
from jobs.common.runlog import take_locks
from jobs.common.settings import Settings
from tests.scripts.runner import ROOT, Result, run, sql

TABLES = 10


@dataclass
class Cluster:
    """A warehouse in cluster mode: a home's Postgres, lake and landing in another place."""

    home: Path
    root: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    def run(self, script: str, *arguments: str) -> Result:
        places = {
            "WAREHOUSE_MODE": "cluster",
            "LAKE_URI": f"file://{self.lake}",
            "LANDING_URI": f"file://{self.root / 'landing'}",
            "SPARK_DRIVER_MEMORY": "1g",
        }
        return run(script, *arguments, home=self.home, **places)

    def told(self, script: str, *arguments: str) -> list[str]:
        done = self.run(script, *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()

    def settings(self) -> Settings:
        recorded = dotenv_values(self.home / "embedded.env")
        return Settings(**{name.lower(): value for name, value in recorded.items()})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("home") / "home", tmp_path_factory.mktemp("cluster"))
    assert run("run_setup.sh", home=made.home).returncode == 0
    (made.root / "landing").mkdir()
    (made.root / "landing" / "mine.csv").write_text("mine")
    yield made
    services.down(Home(made.home))


def test_a_cluster_is_emptied_and_made_anew(cluster: Cluster) -> None:
    """One story: each start of Spark costs ten seconds."""
    stale = cluster.lake / "ecommerce_db.db" / "products"
    stale.mkdir(parents=True)
    (stale / "left.parquet").write_bytes(b"1234")

    # Files that an earlier lake left don't stop a set-up, and again is harmless.
    for _ in range(2):
        told = cluster.told("run_init_hive.sh")
        assert told[-1] == f"{TABLES} tables are there, below file://{cluster.lake}"

    damage(cluster)
    before = snapshot(cluster)
    told = cluster.told("run_reset.sh")
    assert snapshot(cluster) == before
    check_what_is_told(cluster, told)

    checksum = told[-1].split()[-1]
    sql(cluster.home, "INSERT INTO ops.mail_outbox (message_id) VALUES ('later')", role="owner")
    refused = cluster.run("run_reset.sh", "--confirm", checksum)
    assert refused.returncode == 2, refused.stderr
    assert "not that of the warehouse as it is now" in refused.stdout
    assert snapshot(cluster)[0] == before[0]

    checksum = cluster.told("run_reset.sh")[-1].split()[-1]
    with closing(connect(cluster.settings())) as conn:
        take_locks(conn, ["bronze.products"], 0)
        conn.commit()
        busy = cluster.run("run_reset.sh", "--confirm", checksum)
    assert busy.returncode == 4, busy.stderr
    assert snapshot(cluster)[0] == before[0]

    told = cluster.told("run_reset.sh", "--confirm", checksum)
    assert told[-1].startswith("removed; to make it anew")
    check_what_is_left(cluster)
    assert cluster.told("run_reset.sh")[-1] == "nothing to remove"

    cluster.told("run_setup.sh")
    assert cluster.told("run_init_hive.sh")[-1].startswith(f"{TABLES} tables are there")
    assert sql(cluster.home, "SELECT count(*) FROM v_revenue_by_month").stdout == "0\n"
    denied = sql(cluster.home, "CREATE TABLE public.mine ()", role="loader")
    assert "permission denied" in denied.stderr


def damage(cluster: Cluster) -> None:
    """A table without its metadata, one without its place, and a path that no table names."""
    metadata = cluster.lake / "ecommerce_db.db" / "countries" / "metadata"
    for path in metadata.iterdir():
        path.unlink()
    shutil.rmtree(cluster.lake / "ecommerce_dw.db" / "dim_dates")
    (cluster.lake / "old.db" / "t").mkdir(parents=True)
    (cluster.lake / "old.db" / "t" / "x.parquet").write_bytes(b"123")
    sql(cluster.home, "INSERT INTO dim_countries VALUES (9, 9, 'Nowhere')", role="owner")
    broken = cluster.run("run_init_hive.sh")
    assert broken.returncode == 1
    # under spark-submit, what a job says on stderr comes out on stdout
    assert "gone: ecommerce_db.countries, ecommerce_dw.dim_dates" in broken.stdout


def snapshot(cluster: Cluster) -> tuple[list[str], str]:
    """Files below the lake, and a count of gold's relations."""
    files = sorted(str(path) for path in cluster.lake.rglob("*") if path.is_file())
    relations = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    return files, sql(cluster.home, relations, role="owner").stdout


def check_what_is_told(cluster: Cluster, told: list[str]) -> None:
    lake = f"file:{cluster.lake}"
    assert "would remove Hive database ecommerce_db" in told
    assert "would remove Hive database ecommerce_dw" in told
    assert sum(line.startswith("would remove Hive table ") for line in told) == TABLES
    countries = (
        f"would remove Hive table ecommerce_db.countries at {lake}/ecommerce_db.db/countries"
    )
    assert f"{countries} (its metadata file is gone)" in told
    dates = f"would remove Hive table ecommerce_dw.dim_dates at {lake}/ecommerce_dw.db/dim_dates"
    assert f"{dates} (its location is gone)" in told
    assert f"would remove path {lake}/old.db/t: 1 files, 3 bytes (no table names it)" in told
    assert "would remove gold public.dim_countries: 1 rows" in told
    migrations = len(list((ROOT / "sql" / "migrations").glob("*.sql")))
    assert f"would remove gold ops.schema_migrations: {migrations} rows" in told


def check_what_is_left(cluster: Cluster) -> None:
    assert cluster.lake.is_dir()
    assert list(cluster.lake.iterdir()) == []
    assert (cluster.root / "landing" / "mine.csv").read_text() == "mine"
    assert (cluster.home / "mail").is_dir()
    left = (
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'ops', 'staging')"
    )
    assert sql(cluster.home, left, role="owner").stdout == "0\n"
