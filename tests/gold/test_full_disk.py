"""Postgres' disk is full in the middle of a load: nothing is published, the next run loads all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg2 import sql

from embedded.home import Home
from jobs.common.errors import TransientError
from jobs.common.foreign import in_words
from jobs.common.roles import administrator
from jobs.common.settings import Settings
from tests.support.rows import country, line, product
from tests.support.warehouse import Warehouse

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk that is soon full"),
]
DISK = "600k"
LINES = 20_000


@contextmanager
def small_disk(home: Home) -> Iterator[Path]:
    """A file system of its own, of Postgres' account, with room for little."""
    path = home.root / "small disk"
    path.mkdir()
    owner = home.pgdata.stat()
    mount = ("mount", "-t", "tmpfs", "-o")
    options = f"size={DISK},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run([*mount, options, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)
        path.rmdir()


@contextmanager
def placed(settings: Settings, path: Path) -> Iterator[None]:
    """What the load makes, it makes there."""

    def do(*statements: str) -> None:
        with administrator(settings, "postgres") as admin, admin.cursor() as cur:
            for statement in statements:
                names = {"db": sql.Identifier(settings.gold_db), "at": sql.Literal(str(path))}
                cur.execute(sql.SQL(statement).format(**names))

    do(
        "CREATE TABLESPACE small LOCATION {at}",
        "GRANT CREATE ON TABLESPACE small TO PUBLIC",
        "ALTER DATABASE {db} SET default_tablespace = small",
    )
    try:
        yield
    finally:
        do("ALTER DATABASE {db} RESET default_tablespace")


def test_a_load_onto_a_full_disk_changes_nothing_and_says_to_try_later(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    warehouse = new_warehouse()
    warehouse.deliver("products", "products_20250301.csv", [product()])
    warehouse.deliver("countries", "countries_20250301.csv", [country()])
    many = [line(f"{n}") for n in range(LINES)]
    warehouse.deliver("transactions", "transactions_20250303T1200.csv", many)
    warehouse.ingest()
    before = warehouse.gold_state()

    with small_disk(Home(warehouse.settings.home)) as path:
        with placed(warehouse.settings, path):
            with pytest.raises(Exception, match="No space left on device") as failed:
                warehouse.load()
            assert warehouse.gold_state() == before
        loaded = warehouse.load()
        with administrator(warehouse.settings, "postgres") as admin, admin.cursor() as cur:
            cur.execute("DROP TABLESPACE small")  # which fails while anything is left in it

    told = in_words(failed.value)
    assert isinstance(told, TransientError)
    assert told.where == "the disk of Postgres"
    assert loaded.counts["loaded"] == LINES
    assert warehouse.gold_rows("SELECT count(*) FROM fact_transactions") == [(LINES,)]
    statuses = warehouse.gold_rows("SELECT status FROM ops.v_runs WHERE job = 'fact_postgres'")
    assert sorted(row[0] for row in statuses) == ["done", "failed"]
