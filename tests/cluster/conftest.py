"""One cluster for the tests of this folder, loaded with the first files of the tiny shop."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import sales
from tests.support.cluster import TestCluster

LOADED_AT_FIRST = 3


class Shop:
    """Delivers the tiny shop's files one after the other."""

    def __init__(self, cluster: TestCluster, directory: Path) -> None:
        self._cluster = cluster
        self._directory = directory
        self.delivered = 0
        self.lines = 0

    def open(self) -> None:
        self._cluster.put("products", sales.products(self._directory))
        self._cluster.put("countries", sales.countries(self._directory))

    def deliver(self, files: int = 1, lines: int = sales.LINES_A_FILE) -> None:
        """The next files, of so many lines each."""
        numbers = range(self.delivered, self.delivered + files)
        self._cluster.put(
            "transactions", *(sales.transactions(self._directory, n, lines) for n in numbers)
        )
        self.delivered += files
        self.lines += files * lines

    def is_whole_in_gold(self) -> bool:
        """Whether gold has every line that was delivered, once, at its price."""
        rows = self._cluster.gold("SELECT count(*), sum(total_amount) FROM fact_transactions")
        return rows == [sales.totals(self.lines)]


@pytest.fixture(scope="session")
def new_cluster() -> Iterator[Callable[[], TestCluster]]:
    """Makes clusters, empty and set up; one is up at a time."""
    made: list[TestCluster] = []

    def make() -> TestCluster:
        for earlier in made:
            earlier.call("down")
        root = Path(tempfile.mkdtemp(prefix="warehouse-cluster-"))
        root.chmod(0o755)
        made.append(TestCluster(root / "one"))
        made[-1].must("up")
        made[-1].run("run_setup.sh")
        return made[-1]

    yield make
    for cluster in made:
        cluster.call("down")
        shutil.rmtree(cluster.root.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(new_cluster: Callable[[], TestCluster]) -> TestCluster:
    """The cluster of most tests."""
    return new_cluster()


@pytest.fixture(scope="session")
def shop(cluster: TestCluster, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The tiny shop, its first files loaded by the whole chain."""
    shop = Shop(cluster, tmp_path_factory.mktemp("shop"))
    shop.open()
    shop.deliver(LOADED_AT_FIRST)
    cluster.run("run_pipeline.sh")
    return shop
