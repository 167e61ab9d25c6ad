"""A Hive metastore of the tests' own, as a service."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from cluster import hive
from cluster.settings import ServiceSettings
from embedded.home import Home, free_port
from jobs.common.errors import TransientError
from jobs.common.settings import PROJECT_ROOT
from tests.support.warehouse import Warehouse


class MetastoreService:
    """The service as a cluster has it, over the database that the JVM of the tests reads too."""

    def __init__(self, warehouse: Warehouse) -> None:
        home = Home(warehouse.settings.home)
        self.port = free_port()
        data = home.root / "metastore service"
        data.mkdir(exist_ok=True)
        self._where = ServiceSettings(service_bind="127.0.0.1", metastore_port=self.port)
        self._environment = {
            **os.environ,
            **{k: v for k, v in home.read().items() if k.startswith("METASTORE_DB_")},
            "LAKE_URI": warehouse.settings.lake,
            "SERVICE_HOST": "localhost",
            "SERVICE_BIND": "127.0.0.1",
            "SERVICE_DATA": str(data),
            "SERVICE_MEMORY": "256m",
            "METASTORE_PORT": str(self.port),
            "WAREHOUSE_MODE": "cluster",
            "WAREHOUSE_HOME": str(data),
        }
        self._log = data / "metastore.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Without waiting until it is well."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cluster", "run", "metastore"],
                cwd=PROJECT_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                hive.check(self._where)
                return
            except TransientError:
                assert time.monotonic() < deadline, self._log.read_text()[-2000:]
                time.sleep(0.1)

    def end(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
