"""Spark standalone: master, worker, history server."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.process import Process, make_directories, page
from cluster.settings import ANY_ADDRESS, ServiceSettings
from embedded import hadoop
from embedded.home import write_private
from embedded.java import java_home
from embedded.spark import spark_home
from jobs.common.errors import TransientError, UsageError
from jobs.common.session import as_properties
from jobs.common.settings import PROJECT_ROOT, load_settings

MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
HISTORY = "org.apache.spark.deploy.history.HistoryServer"
LOG4J = PROJECT_ROOT / "cluster" / "log4j2.properties"


def master(settings: ServiceSettings) -> Process:
    """The master; it remembers workers and applications when it is started again."""
    recovery = settings.service_data / "recovery"
    make_directories([recovery])
    values = _secured(settings) | {
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": str(recovery),
        "spark.worker.timeout": "20",
    }
    arguments = (
        *("--host", settings.service_host, "--port", str(settings.spark_master_port)),
        *("--webui-port", str(settings.spark_master_ui_port)),
    )
    return _daemon(settings, MASTER, values, arguments)


def worker(settings: ServiceSettings) -> Process:
    """A worker; what ended applications left goes after a day."""
    work = settings.service_data / "work"
    make_directories([work])
    values = _secured(settings) | {
        "spark.worker.cleanup.enabled": "true",
        "spark.worker.cleanup.appDataTtl": "86400",
        "spark.worker.timeout": "20",
    }
    arguments = (
        *("--host", settings.service_host, "--work-dir", str(work)),
        *("--cores", str(settings.spark_worker_cores), "--memory", settings.spark_worker_memory),
        *("--webui-port", str(settings.spark_worker_ui_port), settings.master_uri),
    )
    return _daemon(settings, WORKER, values, arguments)


def history(settings: ServiceSettings) -> Process:
    """The history server, over the event logs of all applications.

    Raises:
        UsageError: it isn't said where the event logs are.
        TransientError: that file system does not answer.
    """
    if not settings.spark_event_log_uri:
        raise UsageError("the history server needs SPARK_EVENT_LOG_URI", where="the environment")
    hadoop.make_directories(load_settings(), [settings.spark_event_log_uri])
    values = _secured(settings) | {
        "spark.history.fs.logDirectory": settings.spark_event_log_uri,
        "spark.history.ui.port": str(settings.spark_history_port),
        "spark.history.fs.cleaner.enabled": "true",
        "spark.history.fs.cleaner.maxAge": "30d",
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
    }
    return _daemon(settings, HISTORY, values, ())


def check_master(settings: ServiceSettings) -> str:
    """Whether the master is in charge."""
    state = json.loads(page(f"http://{settings.reached_at}:{settings.spark_master_ui_port}/json/"))
    if state["status"] != "ALIVE":
        raise TransientError(f"the master is {state['status']}")
    alive = [worker for worker in state["workers"] if worker["state"] == "ALIVE"]
    return f"in charge of {len(alive)} workers, {sum(w['cores'] for w in alive)} cores"


def check_worker(settings: ServiceSettings) -> str:
    """Whether the worker serves."""
    url = f"http://{settings.reached_at}:{settings.spark_worker_ui_port}/json/"
    state = json.loads(page(url))
    return f"{state['coresused']} of {state['cores']} cores in use"


def check_history(settings: ServiceSettings) -> str:
    """Whether the history server answers."""
    url = f"http://{settings.reached_at}:{settings.spark_history_port}/api/v1/applications?limit=1"
    json.loads(page(url))
    return "serves"


def _secured(settings: ServiceSettings) -> dict[str, str]:
    """Without the secret a stranger who reaches the master could run what they like.

    Raises:
        UsageError: there is none.
    """
    secret = settings.spark_auth_secret.get_secret_value()
    if not secret:
        raise UsageError(
            "SPARK_AUTH_SECRET is not set",
            where="the environment",
            do="set one secret for master, workers, history server and jobs",
        )
    return {"spark.authenticate": "true", "spark.authenticate.secret": secret}


def _daemon(
    settings: ServiceSettings, main: str, values: dict[str, str], arguments: tuple[str, ...]
) -> Process:
    conf: Path = settings.service_data / "conf"
    make_directories([conf, settings.service_data / "tmp"])
    properties = conf / "spark.conf"
    write_private(properties, as_properties(values))
    command = [str(spark_home() / "bin" / "spark-class"), main]
    return Process(
        [*command, "--properties-file", str(properties), *arguments],
        _environment(settings),
    )


def _environment(settings: ServiceSettings) -> dict[str, str]:
    options = ["-Duser.timezone=UTC", f"-Dlog4j2.configurationFile={LOG4J.as_uri()}"]
    if settings.java_hosts_file:
        options.append(f'"-Djdk.net.hosts.file={settings.java_hosts_file}"')
    everywhere = settings.service_bind == ANY_ADDRESS
    return {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home()),
        "SPARK_DAEMON_MEMORY": settings.service_memory,
        "SPARK_DAEMON_JAVA_OPTS": " ".join(options),
        "SPARK_LOCAL_DIRS": str(settings.service_data / "tmp"),
        "SPARK_NO_DAEMONIZE": "1",
        **({} if everywhere else {"SPARK_LOCAL_IP": settings.service_bind}),
    }
