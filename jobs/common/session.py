"""The one place that says how Spark is set up, for `spark-submit` and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.common.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "spark_catalog"
JARS_DIR = PROJECT_ROOT / ".jars"


def spark_conf(settings: Settings) -> dict[str, str]:
    """All Spark properties; it holds the metastore's password, so keep it in a 600 file."""
    return {
        **_engine(settings),
        **_iceberg(settings),
        **(_metastore_service(settings) if settings.metastore_uri else _metastore_client(settings)),
    }


def _engine(settings: Settings) -> dict[str, str]:
    jars = str(JARS_DIR / "*")
    local = settings.spark_master.startswith("local")
    return {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.executor.memory": settings.spark_executor_memory,
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        # Landing files are named one by one: no listing job for them, and several a task.
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
        "spark.sql.files.openCostInBytes": "1048576",
        "spark.python.worker.reuse": "true",
        **(
            {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
            if local
            else {}
        ),
    }


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
    return {"spark.hadoop.hive.metastore.uris": settings.metastore_uri}


def _metastore_client(settings: Settings) -> dict[str, str]:
    url = (
        f"jdbc:postgresql://{settings.metastore_db_host}:{settings.metastore_db_port}"
        f"/{settings.metastore_db_name}"
    )
    return {
        "spark.hadoop.javax.jdo.option.ConnectionURL": url,
        "spark.hadoop.javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
        "spark.hadoop.javax.jdo.option.ConnectionUserName": settings.metastore_db_user,
        "spark.hadoop.javax.jdo.option.ConnectionPassword": (
            settings.metastore_db_password.get_secret_value()
        ),
        "spark.hadoop.datanucleus.schema.autoCreateAll": "false",
        "spark.hadoop.hive.metastore.schema.verification": "false",
        "spark.redaction.regex": "(?i)secret|password|passwd|token|access[.]?key",
    }


def get_session(app_name: str, settings: Settings | None = None) -> SparkSession:
    """The session of this application.

    Under `spark-submit` the properties file has set everything; without it (a test, a
    notebook) pass the settings.
    """
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    for key, value in (spark_conf(settings) if settings else {}).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
