"""HDFS: NameNode and DataNode, from Hadoop's own jars (cluster/hadoop-jars.txt)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cluster.process import Process, class_path, java, make_directories, page, write_site
from cluster.settings import ServiceSettings
from embedded import jars
from jobs.common.errors import TransientError
from jobs.common.settings import PROJECT_ROOT

PINS = PROJECT_ROOT / "cluster" / "hadoop-jars.txt"
JARS = jars.JARS / "hadoop"
VERSION = "3.4.2"
ROOTS = [
    f"org.apache.hadoop:{name}:{VERSION}"
    for name in ("hadoop-hdfs", "hadoop-common", "hadoop-hdfs-client")
]
LOG4J = PROJECT_ROOT / "cluster" / "hadoop-log4j.properties"
NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"


def fetch_jars() -> bool:
    """Bring Hadoop's jars; False when they were there."""
    return jars.fetch(PINS, JARS, ROOTS)


def namenode(settings: ServiceSettings) -> Process:
    """The NameNode; an empty data directory is formatted first, a used one never.

    Raises:
        TransientError: it can't be formatted.
    """
    names = settings.service_data / "names"
    command = _command(settings, NAMENODE)
    if not (names / "current" / "VERSION").exists():
        done = subprocess.run(
            [*command, "-format", "-nonInteractive"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = " | ".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise TransientError(f"the NameNode cannot be formatted: {reason}", where=str(names))
    return Process(command)


def datanode(settings: ServiceSettings) -> Process:
    """A DataNode."""
    return Process(_command(settings, DATANODE))


def check_namenode(settings: ServiceSettings) -> str:
    """Whether the NameNode serves; in safe mode it waits for DataNodes, which is well."""
    url = f"http://{settings.reached_at}:{settings.namenode_http_port}/jmx?qry="
    state = _bean(f"{url}Hadoop:service=NameNode,name=NameNodeStatus")["State"]
    if state != "active":
        raise TransientError(f"the NameNode is {state}")
    info = _bean(f"{url}Hadoop:service=NameNode,name=FSNamesystemState")
    return f"{state}, {info['NumLiveDataNodes']} live DataNodes"


def check_datanode(settings: ServiceSettings) -> str:
    """Whether the DataNode is registered with the NameNode."""
    url = f"http://{settings.reached_at}:{settings.datanode_http_port}/jmx?qry="
    info = _bean(f"{url}Hadoop:service=DataNode,name=DataNodeInfo")
    actors = json.loads(info.get("BPServiceActorInfo") or "[]")
    states = [actor["ActorState"] for actor in actors]
    registered = [a for a in actors if a["ActorState"] == "RUNNING" and a.get("BlockPoolID")]
    if not registered:
        raise TransientError(f"the DataNode is not registered: {states}")
    return "registered"


def _bean(url: str) -> dict[str, str]:
    beans: list[dict[str, str]] = json.loads(page(url))["beans"]
    if not beans:
        raise TransientError("it has not started yet", where=url)
    return beans[0]


def _command(settings: ServiceSettings, main: str) -> list[str]:
    conf = settings.service_data / "conf"
    web = settings.service_data / "web"
    make_directories(
        [settings.service_data, web / "webapps" / "hdfs", web / "webapps" / "datanode"]
    )
    write_site(conf / "core-site.xml", {"fs.defaultFS": settings.namenode_uri})
    write_site(conf / "hdfs-site.xml", _site(settings))
    (conf / "log4j.properties").write_text(LOG4J.read_text())
    return [*java(settings, "-cp", class_path(conf, web, JARS / "*")), main]


def _site(settings: ServiceSettings) -> dict[str, object]:
    data: Path = settings.service_data
    bind = settings.service_bind
    return {
        "dfs.namenode.name.dir": (data / "names").as_uri(),
        "dfs.namenode.rpc-address": f"{settings.namenode_host}:{settings.namenode_port}",
        "dfs.namenode.rpc-bind-host": bind,
        "dfs.namenode.http-address": f"{settings.namenode_host}:{settings.namenode_http_port}",
        "dfs.namenode.http-bind-host": bind,
        # A new cluster's first blocks are reported in seconds; half a minute more helps no one.
        "dfs.namenode.safemode.extension": 1000,
        "dfs.datanode.data.dir": (data / "blocks").as_uri(),
        "dfs.datanode.address": f"{bind}:{settings.datanode_port}",
        "dfs.datanode.http.address": f"{bind}:{settings.datanode_http_port}",
        "dfs.datanode.ipc.address": f"{bind}:{settings.datanode_ipc_port}",
        # Known by name: what the NameNode sees of its address may not be where it listens.
        "dfs.datanode.hostname": settings.service_host,
        "dfs.client.use.datanode.hostname": "true",
        "dfs.replication": settings.hdfs_replication,
        "dfs.webhdfs.enabled": "false",
        "dfs.permissions.enabled": "true",
    }
