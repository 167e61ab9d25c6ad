"""The real year on a cluster: every figure of the answers, from files on HDFS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from generators.replay import landing_files
from tests.support.answers import COUNTS, MONEY, Answers, money, read
from tests.support.cluster import TestCluster

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def answers(real_year: Path) -> Answers:
    return read(real_year)


@pytest.fixture(scope="module")
def year(
    new_cluster: Callable[[], TestCluster],
    real_year: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TestCluster]:
    """A cluster that has taken the whole year in one go."""
    landing = tmp_path_factory.mktemp("year")
    for file in landing_files(real_year / "online_retail.csv.xz", real_year / "countries.csv"):
        (landing / file.kind).mkdir(exist_ok=True)
        (landing / file.kind / file.name).write_bytes(file.content)
    cluster = new_cluster()
    for directory in landing.iterdir():
        cluster.put(directory.name, *directory.iterdir())
    cluster.run("run_pipeline.sh", SPARK_CONF_FILE="", JAVA_TOOL_OPTIONS="")
    yield cluster
    cluster.call("down")


@pytest.mark.parametrize(("answer", "statement"), COUNTS)
def test_counts(year: TestCluster, answers: Answers, answer: str, statement: str) -> None:
    assert year.gold(statement)[0][0] == answers[answer]


def test_money(year: TestCluster, answers: Answers) -> None:
    assert money(year.gold) == {name: answers[name] for name in MONEY}


def test_the_lake_is_on_hdfs(year: TestCluster) -> None:
    files = year.listing("hdfs://namenode:8020/lake")
    assert [path for path in files if path.endswith(".parquet")]
