"""The one place that says how Spark is set up, for `spark-submit` and for tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.common.addresses import jdbc_url, metastore_dsn
from jobs.common.errors import TransientError, UsageError
from jobs.common.settings import PROJECT_ROOT, Settings, get_settings
from jobs.common.shipping import project_archive

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "spark_catalog"
JARS_DIR = PROJECT_ROOT / ".jars"
# How a session that gave up on its master ends: with an error about itself.
SIGNS_OF_NO_MASTER = (
    "All masters are unresponsive",
    "on a running MetricsSystem",
    "stopped SparkContext",
)
LOCAL = re.compile(r"local(?:\[([0-9]+|\*)\])?")
# Arrow's own allocator asks for huge pages, and waits for the kernel to make room for each.
ARROW_MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
TRIES = 4  # of a task, as Spark has it on a cluster
FOLLOWING_BLOCK = "dfs.client.block.write.locateFollowingBlock"


def spark_conf(settings: Settings) -> dict[str, str]:
    """All Spark properties; it holds passwords, so keep it in a file of mode 600."""
    return {
        **_engine(settings),
        **(_local(settings) if settings.is_local else _cluster(settings)),
        **_iceberg(settings),
        **(_metastore_service(settings) if settings.metastore_uri else _metastore_client(settings)),
    }


def _engine(settings: Settings) -> dict[str, str]:
    java_options = "-Duser.timezone=UTC"
    if settings.java_hosts_file:
        java_options += f' "-Djdk.net.hosts.file={settings.java_hosts_file}"'
    return {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.driver.extraClassPath": str(JARS_DIR / "*"),
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": java_options,
        "spark.executor.extraJavaOptions": java_options,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        # Landing files are named one by one: no listing job for them, and several a task.
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
        "spark.sql.files.openCostInBytes": "1048576",
        "spark.python.worker.reuse": "true",
        # Where a column was written is not looked up: five calls into the JVM for each.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.redaction.regex": "(?i)secret|password|passwd|token|access[.]?key",
    }


def _local(settings: Settings) -> dict[str, str]:
    """All in one process. A task is tried as often as on a cluster: its Python may be killed."""
    threads = LOCAL.fullmatch(settings.spark_master)
    conf = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    if threads:
        conf["spark.master"] = f"local[{threads[1] or 1},{TRIES}]"
    return conf


def _cluster(settings: Settings) -> dict[str, str]:
    """Executors elsewhere: how many and how large, and what they need to work with us."""
    # A DataNode is known by name; the address that the NameNode sees may not be its own.
    conf = {
        "spark.executor.memory": settings.spark_executor_memory,
        **{f"spark.executorEnv.{name}": value for name, value in ARROW_MEMORY.items()},
        "spark.jars": ",".join(str(jar) for jar in sorted(JARS_DIR.glob("*.jar"))),
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
        "spark.hadoop.dfs.replication": str(settings.hdfs_replication),
        # Closing a file waits for its block to be reported, which takes some 10 ms, not 400.
        f"spark.hadoop.{FOLLOWING_BLOCK}.initial.delay.ms": "20",
        f"spark.hadoop.{FOLLOWING_BLOCK}.retries": "11",
        "spark.cleaner.referenceTracking.cleanCheckpoints": "true",
    }
    if settings.spark_driver_host:
        conf["spark.driver.host"] = settings.spark_driver_host
    if settings.spark_executor_cores:
        conf["spark.executor.cores"] = str(settings.spark_executor_cores)
    conf |= _executors(settings)
    if secret := settings.spark_auth_secret.get_secret_value():
        conf |= {"spark.authenticate": "true", "spark.authenticate.secret": secret}
    if settings.spark_event_log_uri:
        conf |= {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": settings.spark_event_log_uri,
        }
    if settings.spark_conf_file:
        conf |= _more(Path(settings.spark_conf_file))
    return conf


def _executors(settings: Settings) -> dict[str, str]:
    """How many: SPARK_EXECUTORS at most, or as many as the cluster gives."""
    most = settings.spark_executors
    if settings.spark_dynamic_allocation:
        # Without an external shuffle service, executors that hold shuffle files stay.
        conf = {
            "spark.dynamicAllocation.enabled": "true",
            "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        }
        return conf | ({"spark.dynamicAllocation.maxExecutors": str(most)} if most else {})
    if not most:
        return {}
    conf = {"spark.executor.instances": str(most)}  # YARN and Kubernetes; standalone counts cores
    return conf | {"spark.cores.max": str(most * max(settings.spark_executor_cores, 1))}


def _more(file: Path) -> dict[str, str]:
    """Properties of a file, `key value` or `key=value` a line, as spark-submit reads them.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"SPARK_CONF_FILE cannot be read: {error}", where=str(file)) from None
    pairs = (re.split(r"[=\s]+", line.strip(), maxsplit=1) for line in lines)
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and not pair[0].startswith("#")}


def as_properties(values: Mapping[str, str]) -> str:
    """A Java properties file."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in sorted(values.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _iceberg(settings: Settings) -> dict[str, str]:
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        f"spark.sql.catalog.{CATALOG}": "org.apache.iceberg.spark.SparkSessionCatalog",
        f"spark.sql.catalog.{CATALOG}.type": "hive",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": settings.lake,
        "spark.hadoop.hive.metastore.warehouse.dir": settings.lake,
        # Compare-and-swap on the table's row instead of Hive's lock table, which a killed
        # writer would leave locked; safe with HIVE-26882 or, as here, Iceberg fix 12637.
        "spark.hadoop.iceberg.engine.hive.lock-enabled": "false",
    }


def _metastore_service(settings: Settings) -> dict[str, str]:
    return {
        "spark.hadoop.hive.metastore.uris": settings.metastore_uri,
        # A service that restarts is waited for, half a minute in all. A commit that is tried
        # again says which state it expects, so it cannot land twice.
        "spark.hadoop.hive.metastore.connect.retries": "3",
        "spark.hadoop.hive.metastore.failure.retries": "3",
        "spark.hadoop.hive.metastore.client.connect.retry.delay": "3s",
    }


def _metastore_client(settings: Settings) -> dict[str, str]:
    return {
        "spark.hadoop.javax.jdo.option.ConnectionURL": jdbc_url(metastore_dsn(settings)),
        "spark.hadoop.javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
        "spark.hadoop.javax.jdo.option.ConnectionUserName": settings.metastore_db_user,
        "spark.hadoop.javax.jdo.option.ConnectionPassword": (
            settings.metastore_db_password.get_secret_value()
        ),
        "spark.hadoop.datanucleus.schema.autoCreateAll": "false",
        "spark.hadoop.hive.metastore.schema.verification": "false",
    }


def get_session(app_name: str, settings: Settings | None = None) -> SparkSession:
    """The session of this application.

    Under `spark-submit` the properties file has set everything; without it (a test, a
    notebook) pass the settings.

    Raises:
        TransientError: the cluster's master does not answer.
    """
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    for key, value in (spark_conf(settings) if settings else {}).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        if any(sign in str(error) for sign in SIGNS_OF_NO_MASTER):
            raise TransientError(
                "Spark's master did not take the application within a minute",
                where=get_settings().spark_master,
                do="see that master and workers are up, and start again",
            ) from None
        raise
    session.sparkContext.setLogLevel("ERROR")
    ours = settings or get_settings()
    if not ours.is_local:
        session.sparkContext.addPyFile(str(project_archive(ours.home / "conf")))
    return session
