"""One embedded home and one Spark session for the whole run; warehouses come empty."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from jobs.common.job import JobContext
from jobs.common.settings import Settings
from tests.support import databases, homes
from tests.support.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ["tests.support.resume"]

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
TAKE_LONG = ("cluster", "crashes", "gold", "year", "scripts", "backup")

hypothesis.settings.register_profile(
    "ours", deadline=None, derandomize=True, print_blob=True, max_examples=200
)
hypothesis.settings.load_profile("ours")

_scratch = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Whatever a test calls, it never meets the developer's own home or settings."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    config.stash[_scratch] = Path(tempfile.mkdtemp(prefix="warehouse-tests-"))
    os.environ["WAREHOUSE_HOME"] = str(config.stash[_scratch] / "a home")
    os.environ["TZ"] = "UTC"
    time.tzset()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_scratch], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several workers, those begin with the folders that take long.

    On a single one the cluster comes last: it is up until the end, and costs the others time.
    """
    shared = hasattr(config, "workerinput")
    rank = {folder: n for n, folder in enumerate(TAKE_LONG)} if shared else {"cluster": 1}
    others = len(rank) if shared else 0
    items.sort(key=lambda item: rank.get(_folder(item.nodeid), others))


def _folder(nodeid: str) -> str:
    return nodeid.split("/")[1]


class ByFolder(LoadScopeScheduling):
    """A folder's tests stay on one worker, with what they share."""

    def _split_scope(self, nodeid: str) -> str:
        return _folder(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    return ByFolder(config, log)


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings of a home whose Postgres is up."""
    home = homes.make(Path(os.environ["WAREHOUSE_HOME"]))
    yield homes.settings_of(home)
    homes.end(home)


@pytest.fixture(scope="session")
def spark(settings: Settings) -> Iterator[SparkSession]:
    """The one session of this run, its metastore on the home's Postgres."""
    session = homes.start_spark(settings)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def compiled(spark: SparkSession) -> Iterator[None]:
    """Plans are made as in production; other tests save the time."""
    homes.plan_as_in_production(spark, wanted=True)
    yield
    homes.plan_as_in_production(spark, wanted=False)


@pytest.fixture(scope="session")
def new_gold(settings: Settings) -> Callable[[], Settings]:
    """Makes migrated gold databases; gives the settings that point to them."""
    return lambda: databases.make(settings)


@pytest.fixture(scope="module")
def gold_settings(settings: Settings) -> Iterator[Settings]:
    """A gold database of the module's own, migrated and empty."""
    yield (made := databases.make(settings))
    databases.drop(made)


@pytest.fixture(scope="module")
def new_warehouse(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Warehouse]]:
    """Makes empty warehouses, one at a time: each empties the lake. Keywords are settings."""
    made: list[Warehouse] = []

    def make(**changed: Any) -> Warehouse:
        gold = databases.make(settings)
        landing = tmp_path_factory.mktemp("landing")
        ours = gold.model_copy(update={"landing_uri": landing.as_uri(), **changed})
        made.append(Warehouse(JobContext(ours, spark), landing))
        return made[-1].emptied()

    yield make
    for warehouse in made:
        warehouse.close()


@pytest.fixture
def warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """An empty warehouse."""
    return new_warehouse()


@pytest.fixture(scope="session")
def real_year() -> Path:
    """The folder of the real year; the test is skipped where it is not."""
    if not (DATA / "online_retail.csv.xz").exists():
        pytest.skip("the real year is not here")
    return DATA
