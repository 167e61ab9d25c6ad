"""Runs a job as `scripts/run_<job>.sh` asks for it, and becomes it.

    python -m jobs.launch [--no-spark] jobs/<stage>/<job>.py [ARGUMENT ...]

With Spark it becomes one `spark-submit`. Properties go through a file of mode 600, since
they hold the metastore's password and command lines are public.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from embedded import class_archive, services
from embedded.home import SOURCES, Home, write_private
from embedded.java import java_home
from embedded.spark import spark_home
from jobs.common.errors import UsageError
from jobs.common.filesystem import LocalFiles
from jobs.common.job import exit_code_of
from jobs.common.session import ARROW_MEMORY, as_properties, spark_conf
from jobs.common.settings import PROJECT_ROOT, Settings, get_settings

# Java's second compiler takes half of two cores for the first half minute, to make long work fast.
# For it alone Java keeps 48 MiB of code, of which a year's load fills 42; when they are full, it
# compiles nothing any more.
QUICK_COMPILER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=128m"
MUCH_TO_DO = 128 << 20
# With more to do it is worth its time, for what runs twelve times as often as it asks for itself.
CALM_COMPILER = (
    "-XX:Tier4InvocationThreshold=60000 -XX:Tier4MinInvocationThreshold=8000"
    " -XX:Tier4CompileThreshold=200000 -XX:Tier4BackEdgeThreshold=1000000"
)
# The default one collects beside the work, on cores that a driver here has work for.
COLLECTOR = "-XX:+UseParallelGC"
# A heap that grows is collected as a whole each time. So with more to do it begins at its full
# size, which takes no memory that is not used.
SOME_TO_DO = 16 << 20
START_HOOK = PROJECT_ROOT / "jobs" / "common" / "start"
LOG_CONFIGURATION = PROJECT_ROOT / "jobs" / "common" / "log4j2.properties"


def launch(script: str, arguments: list[str], *, with_spark: bool) -> NoReturn:
    """Become the job.

    Raises:
        UsageError: the warehouse isn't set up, or something it needs is missing.
        TransientError: a service of the home doesn't come up.
    """
    settings = get_settings()
    path = PROJECT_ROOT / script
    if not path.is_file():
        raise UsageError(f"there is no such job: {script}")
    if settings.warehouse_mode == "embedded":
        os.umask(0o077)  # lake, logs and landing hold what customers bought
        services.up(Home(settings.home))
        get_settings.cache_clear()
        settings = get_settings()  # a port may have changed
    environment = os.environ | base_environment(settings)
    command = [sys.executable, str(path)]
    if with_spark:
        environment |= spark_environment(settings)
        command = submit_command(settings, path, start_options(settings))
    sys.stdout.flush()
    os.execve(command[0], [*command, *arguments], environment)  # noqa: S606 - no shell wanted


def base_environment(settings: Settings) -> dict[str, str]:
    """What every job gets."""
    known = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_ROOT), known])),
        "WAREHOUSE_HOME": str(settings.home),
        "TZ": "UTC",
        **{name: os.environ.get(name, value) for name, value in ARROW_MEMORY.items()},
    }


def spark_environment(settings: Settings) -> dict[str, str]:
    """What a Spark job gets on top."""
    logs = Home(settings.home).logs
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home()),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        # On a cluster it may lie elsewhere than here.
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON") or sys.executable,
        "WAREHOUSE_SPARK_LOG": str(logs / "spark.log"),
        "PYTHONPATH": f"{START_HOOK}{os.pathsep}{base_environment(settings)['PYTHONPATH']}",
    }
    if settings.is_local:
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
    return environment


def start_options(settings: Settings) -> str:
    """Java options with which a driver starts, and works, in less time."""
    options = [COLLECTOR] if settings.is_local else []
    # On a cluster the driver only plans; here it also works on the files that wait.
    to_do = waiting_bytes(settings.landing) if settings.is_local else 0
    if to_do > SOME_TO_DO:
        options.append(f"-Xms{settings.spark_driver_memory}")
    if settings.spark_class_archive:
        options.append(class_archive.java_options())
    options.append(QUICK_COMPILER if wants_quick_compiler(settings, to_do) else CALM_COMPILER)
    return " ".join(filter(None, options))


def wants_quick_compiler(settings: Settings, to_do: int) -> bool:
    """Whether the driver has so little to do, in bytes, that optimised code would come too late."""
    if settings.spark_quick_compiler != "auto":
        return settings.spark_quick_compiler == "always"
    return to_do < MUCH_TO_DO


def waiting_bytes(landing: str) -> int:
    """The size of the files that wait in a landing directory of this machine."""
    files = LocalFiles()
    return sum(entry.size for source in SOURCES for entry in files.entries(f"{landing}/{source}"))


def submit_command(settings: Settings, script: Path, java_options: str = "") -> list[str]:
    """`spark-submit` with the settings' properties, written down for this run.

    Args:
        java_options: of the driver, besides those of all drivers.
    """
    conf = spark_conf(settings)
    options = (
        conf.get("spark.driver.extraJavaOptions", ""),
        f"-Dlog4j2.configurationFile={LOG_CONFIGURATION.as_uri()}",
        java_options,
    )
    conf["spark.driver.extraJavaOptions"] = " ".join(filter(None, options))
    home = Home(settings.home)
    home.conf.mkdir(mode=0o700, parents=True, exist_ok=True)
    properties = home.conf / "spark-defaults.conf"
    write_private(properties, as_properties(conf))
    submit = spark_home() / "bin" / "spark-submit"
    return [str(submit), "--properties-file", str(properties), str(script)]


def main(arguments: list[str]) -> NoReturn:
    """Split our option from the job's."""
    with_spark = arguments[:1] != ["--no-spark"]
    words = arguments if with_spark else arguments[1:]
    if not words:
        print(__doc__, file=sys.stderr)
        sys.exit(UsageError.exit_code)
    sys.exit(exit_code_of(lambda: launch(words[0], words[1:], with_spark=with_spark)))


if __name__ == "__main__":
    main(sys.argv[1:])
