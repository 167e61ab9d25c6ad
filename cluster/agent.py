"""The Jenkins agent: asks the controller for its program and for the node's secret."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

import psutil

from cluster.process import SECONDS_TO_ANSWER, Process, java, make_directories
from cluster.settings import ServiceSettings
from embedded.home import write_private
from jobs.common.errors import TransientError, UsageError

REFUSED = (401, 403, 404)


def agent(settings: ServiceSettings) -> Process:
    """The agent, connected over the controller's own web port.

    Raises:
        TransientError: Jenkins does not answer yet.
        UsageError: it refuses the account, or has no such node.
    """
    work = directory(settings)
    make_directories([work])
    url = settings.jenkins_url.rstrip("/")
    program = work / "agent.jar"
    program.write_bytes(_fetch(settings, f"{url}/jnlpJars/agent.jar"))
    node = f"{url}/computer/{settings.jenkins_agent_name}/jenkins-agent.jnlp"
    secret = work / "secret"
    write_private(secret, secret_in(_fetch(settings, node)))
    arguments = (
        *("-url", f"{url}/", "-name", settings.jenkins_agent_name, "-secret", f"@{secret}"),
        *("-webSocket", "-workDir", str(work)),
    )
    command = [*java(settings), "-jar", str(program), *arguments]
    if settings.jenkins_agent_java_home:
        command[0] = str(Path(settings.jenkins_agent_java_home) / "bin" / "java")
    return Process(command)


def directory(settings: ServiceSettings) -> Path:
    """Where builds work."""
    return settings.service_data / "jenkins-agent"


def secret_in(description: bytes) -> str:
    """The node's secret: the first argument of its JNLP description."""
    argument = ET.fromstring(description).find(".//argument")  # noqa: S314 - our own controller's
    if argument is None or not argument.text:
        raise TransientError("Jenkins describes the node without a secret")
    return argument.text


def check(settings: ServiceSettings) -> str:
    """Whether the agent's program runs; Jenkins itself says whether it is connected.

    Raises:
        TransientError: it doesn't.
    """
    program = str(directory(settings) / "agent.jar")
    for process in psutil.process_iter(["cmdline"]):
        if program in (process.info["cmdline"] or []):
            return f"runs as process {process.pid}"
    raise TransientError("the agent does not run")


def _fetch(settings: ServiceSettings, url: str) -> bytes:
    password = settings.jenkins_agent_password.get_secret_value()
    account = base64.b64encode(f"{settings.jenkins_agent_user}:{password}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {account}"})  # noqa: S310 - JENKINS_URL
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:  # noqa: S310 - JENKINS_URL
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        if error.code in REFUSED:
            raise UsageError(
                f"Jenkins refuses the agent: {error.code} {error.reason}",
                where=url,
                do="see JENKINS_AGENT_USER, JENKINS_AGENT_PASSWORD and the node's name",
            ) from None
        raise TransientError(f"Jenkins is not ready: {error}", where=url) from None
    except OSError as error:
        raise TransientError(f"Jenkins does not answer: {error}", where=url) from None
    return content
