"""The embedded way's Spark is for this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.sockets import LOOPBACK, places

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")


def test_every_socket_on_which_spark_listens_is_on_loopback(spark: SparkSession) -> None:
    # Python workers too, so something has to run in them
    spark.range(4).mapInArrow(lambda batches: batches, "id long").collect()

    # Of the session alone: the tests may have a cluster up beside it, on other addresses
    driver = psutil.Process(spark.sparkContext._gateway.proc.pid)
    found = places([driver, *driver.children(recursive=True)])

    assert found
    assert {address for address, _ in found} <= LOOPBACK
