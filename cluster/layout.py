"""Where everything of a cluster on one machine is: addresses, names, directories, settings.

Each role has an address of its own (127.a.b.N) and the host name that it has in a compose
network; Java learns the names from a file, so neither root nor /etc/hosts is needed. Two
embedded Postgres servers hold the databases of gold and metastore.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from embedded.home import Home, write_private
from jobs.common.errors import UsageError

# Last number of each name's address; a DataNode more would need a machine of its own, since
# the NameNode tells them apart by the address that they come from.
ADDRESSES = {
    "namenode": 2,
    "datanode": 3,
    "metastore": 4,
    "spark-master": 5,
    "spark-history": 6,
    "driver": 10,
}
FIRST_WORKER = 11
NETWORKS_TRIED = 50


@dataclass(frozen=True)
class Service:
    """One process of the cluster."""

    name: str
    role: str
    host: str
    address: str
    directory: Path


@dataclass(frozen=True)
class Cluster:
    """The cluster of one directory; nothing is touched until a method is called."""

    root: Path

    @property
    def gold(self) -> Home:
        """Gold's Postgres, and the mail catcher."""
        return Home(self.root / "gold")

    @property
    def metastore_database(self) -> Home:
        """The metastore's own Postgres."""
        return Home(self.root / "metastore-db")

    @property
    def record(self) -> dict[str, str]:
        """What was chosen when the cluster was made: its network, secret, number of workers."""
        values = dotenv_values(self.root / "cluster.env")
        return {key: value or "" for key, value in values.items()}

    def exists(self) -> bool:
        """Whether there is one."""
        return (self.root / "cluster.env").is_file()

    def create(self, workers: int) -> None:
        """Choose a network and a secret; a cluster that is there keeps them.

        Raises:
            UsageError: it cannot be there.
        """
        if " " in str(self.root):
            raise UsageError(
                "a DataNode does not start in a directory with a space in its path",
                where=str(self.root),
                do="set CLUSTER_HOME to another directory",
            )
        self.root.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        known = self.record
        values = {
            "NETWORK": known.get("NETWORK") or free_network(),
            "SPARK_AUTH_SECRET": known.get("SPARK_AUTH_SECRET") or secrets.token_urlsafe(24),
            "WORKERS": str(workers),
        }
        write_private(
            self.root / "cluster.env", "".join(f"{k}={v}\n" for k, v in sorted(values.items()))
        )
        write_private(self.root / "hosts", self.hosts())

    def address(self, number: int) -> str:
        """An address of the cluster's network."""
        return f"{self.record['NETWORK']}.{number}"

    def services(self) -> list[Service]:
        """All processes, in the order of their start."""
        names = ["namenode", "datanode", "metastore", "spark-master"]
        workers = [f"spark-worker-{n}" for n in range(1, int(self.record["WORKERS"]) + 1)]
        return [self.service(name) for name in [*names, *workers, "spark-history"]]

    def service(self, name: str) -> Service:
        """One process; workers are numbered from 1."""
        kind, _, number = name.rpartition("-")
        if kind == "spark-worker":
            address = self.address(FIRST_WORKER + int(number) - 1)
            return Service(name, kind, name, address, self.root / name)
        return Service(name, name, name, self.address(ADDRESSES[name]), self.root / name)

    def hosts(self) -> str:
        """The host names, as in /etc/hosts; Java asks nothing else."""
        lines = [f"127.0.0.1 localhost {socket.gethostname()}"]
        lines += [f"{self.address(number)} {name}" for name, number in ADDRESSES.items()]
        lines += [f"{s.address} {s.host}" for s in self.services() if s.role == "spark-worker"]
        return "\n".join(lines) + "\n"

    def shared(self) -> dict[str, str]:
        """Settings that services and jobs have in common."""
        return {
            "LAKE_URI": "hdfs://namenode:8020/lake",
            "SPARK_EVENT_LOG_URI": "hdfs://namenode:8020/spark-logs",
            "SPARK_AUTH_SECRET": self.record["SPARK_AUTH_SECRET"],
            "JAVA_HOSTS_FILE": str(self.root / "hosts"),
        }

    def job_environment(self) -> dict[str, str]:
        """Settings of jobs; passwords among them."""
        gold = self.gold.read()
        wanted = ("GOLD_", "SMTP_")
        return {
            **self.shared(),
            **{key: value for key, value in gold.items() if key.startswith(wanted)},
            "WAREHOUSE_MODE": "cluster",
            "WAREHOUSE_HOME": str(self.root / "jobs"),
            "LANDING_URI": "hdfs://namenode:8020/landing",
            "METASTORE_URI": "thrift://metastore:9083",
            "SPARK_MASTER": "spark://spark-master:7077",
            "SPARK_DRIVER_HOST": "driver",
            "SPARK_DRIVER_MEMORY": "2g",
            "SPARK_EXECUTOR_MEMORY": "2g",
        }

    def service_environment(self, service: Service) -> dict[str, str]:
        """Settings of a service: only what it needs."""
        environment = self.shared() | {
            "SERVICE_HOST": service.host,
            "SERVICE_BIND": service.address,
            "SERVICE_DATA": str(service.directory),
            "SERVICE_MEMORY": "256m",
            "SPARK_WORKER_CORES": "1",
            "SPARK_WORKER_MEMORY": "3g",
            "WAREHOUSE_MODE": "cluster",
            "WAREHOUSE_HOME": str(service.directory),
        }
        if service.role == "metastore":
            known = self.metastore_database.read()
            environment |= {k: v for k, v in known.items() if k.startswith("METASTORE_DB_")}
        return environment

    def pid_file(self, service: Service) -> Path:
        """Process id and start time."""
        return self.root / f"{service.name}.pid"

    def log(self, service: Service) -> Path:
        """What the service prints."""
        return self.root / "logs" / f"{service.name}.log"


def free_network() -> str:
    """The first three numbers of a loopback network that no one listens in.

    Raises:
        UsageError: this machine has no loopback addresses but 127.0.0.1.
    """
    for _ in range(NETWORKS_TRIED):
        network = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(255)}"
        addresses = [f"{network}.{number}" for number in (*ADDRESSES.values(), FIRST_WORKER)]
        if all(is_free(address) for address in addresses):
            return network
    raise UsageError(
        "this machine answers on no loopback address but 127.0.0.1",
        do="use Linux, or add addresses to the loopback interface",
    )


def is_free(address: str) -> bool:
    """Whether the HDFS and Spark ports of an address can be had."""
    try:
        for port in (8020, 7077, 9866):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind((address, port))
    except OSError:
        return False
    return True
