"""The table of roles: how each is made ready and started, and asked whether it is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster import agent, hdfs, hive, spark
from cluster.process import Process
from cluster.settings import ServiceSettings
from jobs.common.errors import UsageError


@dataclass(frozen=True)
class Role:
    """A service. `check` gives a word on it, or raises a WarehouseError."""

    process: Callable[[ServiceSettings], Process]
    check: Callable[[ServiceSettings], str]


ROLES: Mapping[str, Role] = {
    "namenode": Role(hdfs.namenode, hdfs.check_namenode),
    "datanode": Role(hdfs.datanode, hdfs.check_datanode),
    "metastore": Role(hive.metastore, hive.check),
    "spark-master": Role(spark.master, spark.check_master),
    "spark-worker": Role(spark.worker, spark.check_worker),
    "spark-history": Role(spark.history, spark.check_history),
    "jenkins-agent": Role(agent.agent, agent.check),
}


def role(name: str) -> Role:
    """The role of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in ROLES:
        raise UsageError(f"there is no role {name!r}", do=f"choose from {', '.join(ROLES)}")
    return ROLES[name]
