"""A cluster of the tests' own, driven by the scripts that a person would use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from cluster.layout import Cluster
from tests.support.databases import Rows

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# What the session's own fixtures have put into the environment is for another warehouse.
INHERITED = ("PATH", "HOME", "LANG", "JAVA_HOME", "USER", "LOGNAME", "TMPDIR")
FEW_ROWS = Path(__file__).parent / "few_rows.conf"
# The second compiler costs a process as short as a test's more than it gives.
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
HISTORY_PORT = 18080
LANDING = "hdfs://namenode:8020/landing"

Result = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class TestCluster:
    """One cluster, as its operator sees it."""

    __test__ = False
    root: Path

    @property
    def layout(self) -> Cluster:
        """Addresses, directories, settings."""
        return Cluster(self.root)

    def environment(self, **variables: str) -> dict[str, str]:
        """That of an operator: nothing of ours but where the cluster is."""
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        ours = {
            "CLUSTER_HOME": str(self.root),
            "WAREHOUSE_PYTHON": sys.executable,
            "SPARK_CONF_FILE": str(FEW_ROWS),
            "JAVA_TOOL_OPTIONS": QUICK_START,
        }
        return inherited | ours | variables

    def call(self, *arguments: str, **variables: str) -> Result:
        """`scripts/cluster.sh`, whatever its exit code."""
        return subprocess.run(
            [str(SCRIPTS / "cluster.sh"), *arguments],
            cwd="/",
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def must(self, *arguments: str, **variables: str) -> str:
        """The same; what it printed, when it ended well."""
        done = self.call(*arguments, **variables)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, script: str, *arguments: str, **variables: str) -> str:
        """A wrapper, in the settings of jobs."""
        return self.must("run", str(SCRIPTS / script), *arguments, **variables)

    def begin(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """The same, without waiting for its end."""
        return subprocess.Popen(
            [str(SCRIPTS / "cluster.sh"), "run", str(SCRIPTS / script), *arguments],
            cwd="/",
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def put(self, dataset: str, *files: Path) -> None:
        """Files into landing, as a shop's own tools would put them."""
        self.run("hadoop_fs.sh", "-put", *map(str, files), f"{LANDING}/{dataset}/")

    def listing(self, *uris: str) -> list[str]:
        """Paths below directories of HDFS."""
        return self.run("hadoop_fs.sh", "-ls", "-R", "-C", *uris).split()

    def page(self, service: str, port: int, path: str) -> bytes:
        """A page of a service, as a browser gets it."""
        address = self.layout.service(service).address
        with urllib.request.urlopen(f"http://{address}:{port}/{path}") as answer:
            return bytes(answer.read())

    def history(self, path: str) -> Any:
        """What Spark's history server tells."""
        return json.loads(self.page("spark-history", HISTORY_PORT, f"api/v1/{path}"))

    def gold(self, statement: str, *values: Any) -> Rows:
        """Rows of gold, as its administrator sees them."""
        known = self.layout.gold.read()
        return _query(known, "ecommerce_gold", "postgres", "GOLD_ADMIN_PASSWORD", statement, values)

    def metastore(self, statement: str, *values: Any) -> Rows:
        """Rows of the metastore's own database."""
        known = self.layout.metastore_database.read()
        return _query(known, "hive_metastore", "hive", "METASTORE_DB_PASSWORD", statement, values)


def _query(
    known: dict[str, str],
    database: str,
    user: str,
    password: str,
    statement: str,
    values: tuple[Any, ...],
) -> Rows:
    connection = psycopg2.connect(
        host=known["GOLD_HOST"],
        port=known["GOLD_PORT"],
        dbname=database,
        user=user,
        password=known[password],
    )
    with closing(connection), connection, connection.cursor() as cur:
        cur.execute(statement, values or None)
        return cur.fetchall() if cur.description else []
