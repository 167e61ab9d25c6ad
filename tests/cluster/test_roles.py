"""Roles before they start: what they refuse, and what they write down."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster import agent, hdfs, hive, spark
from cluster.layout import Cluster
from cluster.roles import ROLES, role
from cluster.settings import ServiceSettings
from jobs.common.errors import TransientError, UsageError
from jobs.common.settings import Settings
from tests.support.cluster import ROOT

SECRET = "of all services"
NODE = b"""<jnlp><application-desc main-class="hudson.remoting.jnlp.Main">
<argument>0123abcd</argument><argument>spark</argument></application-desc></jnlp>"""


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        service_host="here",
        service_bind="127.9.9.9",
        service_data=tmp_path / "data",
        spark_auth_secret=SECRET,
        spark_event_log_uri="hdfs://namenode:8020/spark-logs",
    )


class Jenkins(BaseHTTPRequestHandler):
    """The two pages of a controller that an agent needs."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(b"agent:right").decode()
        pages = {"/jnlpJars/agent.jar": b"a jar", "/computer/spark/jenkins-agent.jnlp": NODE}
        status = 403 if self.headers["Authorization"] != expected else 200
        status = 404 if self.path not in pages else status
        self.send_response(status)
        self.end_headers()
        self.wfile.write(pages[self.path] if status == 200 else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def jenkins() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Jenkins)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def as_agent(settings: ServiceSettings, url: str, password: str = "right") -> ServiceSettings:
    return settings.model_copy(
        update={
            "jenkins_url": url,
            "jenkins_agent_password": ServiceSettings(
                jenkins_agent_password=password
            ).jenkins_agent_password,
        }
    )


def test_a_role_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no role 'namenodes'"):
        role("namenodes")


def test_the_entrypoint_tells_of_every_role() -> None:
    header = (ROOT / "docker" / "entrypoint.sh").read_text().split("set -E")[0]
    assert [name for name in ROLES if name not in header] == []


@pytest.mark.parametrize("start", [spark.master, spark.worker])
def test_spark_does_not_start_without_its_secret(settings: ServiceSettings, start: object) -> None:
    bare = settings.model_copy(update={"spark_auth_secret": ServiceSettings().spark_auth_secret})
    with pytest.raises(UsageError, match="SPARK_AUTH_SECRET is not set"):
        start(bare)  # type: ignore[operator]


def test_sparks_secret_is_in_a_file_for_its_user_only(settings: ServiceSettings) -> None:
    process = spark.worker(settings)

    file = settings.service_data / "conf" / "spark.conf"
    assert f"spark.authenticate.secret={SECRET}\n" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in " ".join(process.command) + str(process.environment)


def test_hdfs_listens_where_it_is_told_and_is_known_by_name(settings: ServiceSettings) -> None:
    hdfs.datanode(settings)

    site = ET.parse(settings.service_data / "conf" / "hdfs-site.xml")
    values = {p.findtext("name"): p.findtext("value") for p in site.iter("property")}
    assert values["dfs.datanode.address"] == "127.9.9.9:9866"
    assert values["dfs.datanode.hostname"] == "here"
    assert values["dfs.namenode.rpc-address"] == "namenode:8020"


def test_the_metastores_password_is_written_as_xml_wants_it() -> None:
    settings = Settings(metastore_db_password="a<b>&c", metastore_db_host="db")  # type: ignore[call-arg]

    site = ET.fromstring(hive.site(settings))

    values = {p.findtext("name"): p.findtext("value") for p in site.iter("property")}
    assert values["javax.jdo.option.ConnectionPassword"] == "a<b>&c"
    assert values["javax.jdo.option.ConnectionURL"] == (
        "jdbc:postgresql://db:5432/hive_metastore?sslmode=prefer"
    )


def test_a_service_that_does_not_answer_is_not_well(settings: ServiceSettings) -> None:
    for name, one in ROLES.items():
        with pytest.raises(TransientError):
            one.check(settings)
        assert name


def test_the_agent_gets_its_program_and_keeps_its_secret_in_a_file(
    settings: ServiceSettings, jenkins: str
) -> None:
    process = agent.agent(as_agent(settings, jenkins))

    work = settings.service_data / "jenkins-agent"
    assert (work / "agent.jar").read_bytes() == b"a jar"
    assert (work / "secret").read_text() == "0123abcd"
    assert stat.S_IMODE((work / "secret").stat().st_mode) == 0o600
    asked = [
        *("-url", jenkins, "-name", "spark"),
        *("-secret", f"@{work / 'secret'}"),
        "-webSocket",
    ]
    assert process.command[-9:-2] == asked
    assert "0123abcd" not in " ".join(process.command)


def test_the_entrypoint_becomes_the_agent(tmp_path: Path, jenkins: str) -> None:
    java = tmp_path / "java" / "bin" / "java"  # tells what Jenkins' own program would be told
    java.parent.mkdir(parents=True)
    java.write_text('#!/bin/sh\necho "pid $$"\nprintf "%s\\n" "$@"\n')
    java.chmod(0o755)
    environment = {
        **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
        "WAREHOUSE_PYTHON": sys.executable,
        "SERVICE_DATA": str(tmp_path / "data"),
        "JENKINS_URL": jenkins,
        "JENKINS_AGENT_PASSWORD": "right",
        "JENKINS_AGENT_JAVA_HOME": str(java.parents[1]),
    }
    entrypoint = ROOT / "docker" / "entrypoint.sh"

    process = subprocess.Popen(
        [str(entrypoint), "jenkins-agent"], env=environment, stdout=subprocess.PIPE, text=True
    )
    told, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    lines = told.splitlines()
    assert lines[0] == f"pid {process.pid}"  # so that a container's signals reach it
    assert lines[-1] == str(tmp_path / "data" / "jenkins-agent")
    assert "-webSocket" in lines


def test_an_agent_with_a_wrong_password_says_so(settings: ServiceSettings, jenkins: str) -> None:
    with pytest.raises(UsageError, match="Jenkins refuses the agent: 403"):
        agent.agent(as_agent(settings, jenkins, "wrong"))


def test_an_agent_waits_for_a_controller_that_is_not_up(settings: ServiceSettings) -> None:
    with pytest.raises(TransientError, match="Jenkins does not answer"):
        agent.agent(as_agent(settings, "http://127.0.0.1:9"))


def test_a_directory_with_a_space_is_refused_for_a_cluster(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a space in its path"):
        Cluster(tmp_path / "a cluster").create(2)


def test_each_service_has_an_address_and_a_name_of_its_own(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "one")
    cluster.create(3)

    services = cluster.services()

    addresses = [service.address for service in services]
    assert len(set(addresses)) == len(services) == 8
    assert all(address.startswith(f"{cluster.record['NETWORK']}.") for address in addresses)
    hosts = dict(reversed(line.split()[:2]) for line in cluster.hosts().splitlines())
    assert {service.host for service in services} <= set(hosts)
    assert hosts["driver"] not in addresses


def test_a_cluster_keeps_its_network_and_secret(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "one")
    cluster.create(2)
    before = cluster.record
    cluster.create(4)
    assert cluster.record == before | {"WORKERS": "4"}
