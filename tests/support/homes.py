"""A home for the tests: made as set-up makes one, without its command line."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from embedded import metastore, services
from embedded.home import Home, make_directory
from embedded.jars import JARS
from jobs import class_archive
from jobs.common.roles import create_metastore
from jobs.common.session import get_session
from jobs.common.settings import Settings
from jobs.launch import (
    COLLECTOR,
    LOG_CONFIGURATION,
    QUICK_COMPILER,
    base_environment,
    spark_environment,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = {
    "spark_master": "local[2]",
    "spark_driver_memory": "3g",
    "spark_shuffle_partitions": 2,
    "lock_wait_seconds": 1,
}
# The second compiler costs a session as short as a test's more than it gives.
JAVA_OPTIONS = (
    f"-Duser.timezone=UTC {COLLECTOR} {QUICK_COMPILER}"
    f" -Dlog4j2.configurationFile={LOG_CONFIGURATION.as_uri()}"
)


def make(root: Path) -> Home:
    """A home that is up."""
    home = Home(root)
    home.create()
    services.create(home)
    services.up(home)
    return home


def end(home: Home) -> None:
    """Stop the home's services."""
    services.down(home)


def settings_of(home: Home) -> Settings:
    """The home's settings, small; no `.env` of the developer has a say."""
    found = Settings(_env_file=home.env_file)  # type: ignore[call-arg]
    return found.model_copy(update={"warehouse_home": home.root, **SMALL})


def start_spark(settings: Settings) -> SparkSession:
    """The session, in the environment that `jobs.launch` gives a job."""
    create_metastore(settings)
    metastore.create_schema(settings)
    make_directory(Path(settings.lake.removeprefix("file://")))
    os.environ |= base_environment(settings) | spark_environment(settings)
    make_class_archive(settings)
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--driver-java-options '{JAVA_OPTIONS}' pyspark-shell"
    session = get_session("tests", settings)
    plan_as_in_production(session, wanted=False)
    return session


def make_class_archive(settings: Settings) -> None:
    """So that every driver of the tests starts in less time; one worker makes it for all."""
    with (JARS / ".archive.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        class_archive.make(settings)


def plan_as_in_production(spark: SparkSession, *, wanted: bool) -> None:
    """Whether plans become Java code, and adapt to what each stage gives.

    For a few rows that costs more than all else; what comes out is the same.
    """
    spark.conf.set("spark.sql.codegen.wholeStage", str(wanted).lower())
    spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if wanted else "NO_CODEGEN")
    spark.conf.set("spark.sql.adaptive.enabled", str(wanted).lower())
