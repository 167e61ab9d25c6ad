"""The processes of a cluster on one machine: start, stop, ask after."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil

from cluster.layout import Cluster, Service
from cluster.roles import role
from cluster.settings import ServiceSettings
from embedded.home import write_private
from embedded.postgres import tail
from jobs.common.errors import TransientError, WarehouseError
from jobs.common.settings import PROJECT_ROOT

ENTRYPOINT = PROJECT_ROOT / "docker" / "entrypoint.sh"
SECONDS_TO_START = 90
SECONDS_TO_STOP = 20
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "JAVA_HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "WAREHOUSE_PYTHON",
    "JAVA_TOOL_OPTIONS",
)


def running(cluster: Cluster, service: Service) -> psutil.Process | None:
    """The running process; a recorded id that another program has now is not it."""
    try:
        pid, started = cluster.pid_file(service).read_text().split()
        process = psutil.Process(int(pid))
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - float(started)) < 1 else None
    except (OSError, ValueError, psutil.Error):
        return None


def start(cluster: Cluster, service: Service) -> None:
    """Start a process unless it runs, and wait until it is well.

    Raises:
        TransientError: it ended, or isn't well in time; the message has its log's end.
    """
    if running(cluster, service) is None:
        _spawn(cluster, service)
    deadline = time.monotonic() + SECONDS_TO_START
    while (problem := problem_of(service)) is not None:
        if running(cluster, service) is None or time.monotonic() > deadline:
            raise TransientError(
                f"{service.name} does not start: {problem}",
                where=f"{cluster.log(service)}: {tail(cluster.log(service))}",
                do="read the log, then scripts/cluster.sh up again",
            )
        time.sleep(0.5)


def _spawn(cluster: Cluster, service: Service) -> None:
    service.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    cluster.log(service).parent.mkdir(mode=0o700, exist_ok=True)
    environment = {key: os.environ[key] for key in KEPT if key in os.environ}
    with cluster.log(service).open("ab") as log:
        process = subprocess.Popen(
            [str(ENTRYPOINT), service.role],
            env=environment | cluster.service_environment(service),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = psutil.Process(process.pid).create_time()
    write_private(cluster.pid_file(service), f"{process.pid} {started}\n")


def stop(cluster: Cluster, service: Service, how: signal.Signals = signal.SIGTERM) -> bool:
    """End a process and what it started; False when it wasn't running."""
    process = running(cluster, service)
    if process is None:
        return False
    family = [process, *process.children(recursive=True)]
    process.send_signal(how)
    _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_STOP)
    for one in alive:
        one.kill()
    psutil.wait_procs(alive, timeout=SECONDS_TO_STOP)
    cluster.pid_file(service).unlink(missing_ok=True)
    return True


def problem_of(service: Service) -> str | None:
    """Why a service isn't well; None when it is."""
    try:
        ask(service)
    except WarehouseError as error:
        return error.what
    return None


def ask(service: Service) -> str:
    """A word on a service that is well.

    Raises:
        WarehouseError: it isn't.
    """
    settings = ServiceSettings(
        service_host=service.host, service_bind=service.address, service_data=service.directory
    )
    return role(service.role).check(settings)
