"""Hadoop's file system shell, from the client in pyspark's jars: no Spark is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from embedded.java import java_home
from embedded.spark import spark_home
from jobs.common.errors import TransientError
from jobs.common.job import exit_code_of
from jobs.common.settings import PROJECT_ROOT, Settings, load_settings

SHELL = "org.apache.hadoop.fs.FsShell"
CONF = PROJECT_ROOT / "embedded" / "hadoop_conf"


def shell_command(settings: Settings, *arguments: str) -> list[str]:
    """The command line of `hadoop fs`, by the settings of jobs."""
    hosts = settings.java_hosts_file
    path = os.pathsep.join([str(CONF), str(spark_home() / "jars" / "*")])
    return [
        *(str(java_home() / "bin" / "java"), "-Xmx256m"),
        *([f"-Djdk.net.hosts.file={hosts}"] if hosts else []),
        *("-cp", path, SHELL, "-D", f"dfs.replication={settings.hdfs_replication}", *arguments),
    ]


def make_directories(settings: Settings, uris: list[str]) -> None:
    """Make directories on Hadoop file systems; harmless when they are there.

    Raises:
        TransientError: the file system does not answer, or refuses.
    """
    command = shell_command(settings, "-mkdir", "-p", *uris)
    done = subprocess.run(command, cwd=Path("/"), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise TransientError(f"directories cannot be made: {reason}", where=", ".join(uris))


def main(arguments: list[str]) -> NoReturn:
    """Become the shell."""
    command = shell_command(load_settings(), *arguments)
    os.execv(command[0], command)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    sys.exit(exit_code_of(lambda: main(sys.argv[1:])))
