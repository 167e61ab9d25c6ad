"""docker-compose.yaml, resolved: what runs, who sees whom, what is on the host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.roles import ROLES
from jobs.common.settings import PROJECT_ROOT
from tests.stack import compose

Services = dict[str, dict[str, Any]]

NAMED = {
    "namenode", "datanode", "hive-metastore-postgresql", "hive-metastore", "spark-master",
    "spark-worker", "spark-history", "gold", "jenkins", "jenkins-agent", "mailpit",
}  # fmt: skip
ONCE = {"setup", "job"}
TAG = re.compile(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?")
SECRET = re.compile(r"_(PASSWORD|SECRET)$")


def environment(services: Services, name: str) -> dict[str, str]:
    found: dict[str, str] = services[name].get("environment", {})
    return found


def networks(services: Services, name: str) -> set[str]:
    return set(services[name]["networks"])


def test_the_file_keeps_to_its_published_schema(stack: dict[str, Any], tmp_path: Path) -> None:
    whole = tmp_path / "resolved.yaml"
    whole.write_text(yaml.safe_dump(stack))
    checker = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema"]

    for file in (compose.FILE, whole):
        command = [*checker, "vendor.compose-spec", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_every_service_of_the_stack_is_there(services: Services) -> None:
    always = {name for name, service in services.items() if "profiles" not in service}

    assert always == NAMED | {"setup"}
    assert services["grafana"]["profiles"] == ["bi"]


def test_every_image_has_an_exact_tag_and_no_registry(services: Services) -> None:
    for name, service in services.items():
        assert TAG.fullmatch(service["image"]), name


def test_ours_are_built_here_and_never_pulled(services: Services) -> None:
    ours = {n: s for n, s in services.items() if s["image"].startswith("ecommerce-")}
    built = {s["image"]: s["build"] for s in ours.values() if "build" in s}

    assert {s["image"] for s in ours.values()} == set(built)
    assert all(service["pull_policy"] == "never" for service in ours.values())
    for build in built.values():
        file = PROJECT_ROOT / build["dockerfile"]
        assert file.is_file()
        if "target" in build:
            assert f"AS {build['target']}\n" in file.read_text()


def test_every_long_running_service_is_watched_and_limited(services: Services) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert re.fullmatch(r"\d+[mg]", limits["memory"]), name
        if name in ONCE:
            assert service["restart"] == "no", name
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name


def test_a_container_has_more_memory_than_its_java_may_take(services: Services) -> None:
    for name, service in services.items():
        limit = megabytes(service["deploy"]["resources"]["limits"]["memory"])
        env = environment(services, name)
        heap = megabytes(env.get("SERVICE_MEMORY", "0m"))
        if name == "spark-worker":
            heap += megabytes(env["SPARK_WORKER_MEMORY"])
        if name in {"job", "jenkins-agent"}:
            heap += megabytes(env["SPARK_DRIVER_MEMORY"])
        assert limit >= heap * 1.3, name


def megabytes(words: str) -> int:
    return int(words[:-1]) * {"m": 1, "g": 1024}[words[-1]]


def test_who_waits_for_whom(services: Services) -> None:
    waits = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    for name, others in waits.items():
        for other, condition in others.items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert condition == expected, f"{name} on {other}"
            if condition == "service_healthy":
                assert "healthcheck" in services[other]
    assert "setup" in waits["jenkins-agent"]
    assert {"datanode", "hive-metastore", "gold"} <= set(waits["setup"])
    assert "hive-metastore-postgresql" in waits["hive-metastore"]


def test_nothing_waits_in_a_circle(services: Services) -> None:
    seen: set[str] = set()
    while left := {n for n in services if n not in seen}:
        ready = {n for n in left if set(services[n].get("depends_on", {})) <= seen}
        assert ready, left
        seen |= ready


def test_only_these_ports_are_on_the_host_and_on_loopback(services: Services) -> None:
    published = {n: s["ports"] for n, s in services.items() if "ports" in s}

    assert published == {
        "gold": ["127.0.0.1:5432:5432"],
        "jenkins": ["127.0.0.1:8080:8080"],
        "mailpit": ["127.0.0.1:8025:8025"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert not [n for n, s in services.items() if s.get("network_mode") == "host"]


def test_only_gold_can_be_opened_to_others(env: dict[str, str]) -> None:
    opened = compose.resolved({**env, "GOLD_PUBLISH": "0.0.0.0"})["services"]

    ports = {p for s in opened.values() for p in s.get("ports", []) if not p.startswith("127.")}
    assert ports == {"0.0.0.0:5432:5432"}


def test_no_container_gets_the_docker_socket_or_more_rights(services: Services) -> None:
    assert not [word for word in compose.strings(services) if "docker.sock" in word]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name


def test_our_image_is_read_only_but_for_its_data(services: Services) -> None:
    for name, service in services.items():
        if service["image"].startswith(("ecommerce-warehouse:", "ecommerce-warehouse-ci:")):
            assert service["read_only"] is True, name
            assert any(str(volume).split(":")[-1] == "/data" for volume in service["volumes"]), name


def test_what_is_kept_is_in_named_volumes(stack: dict[str, Any], services: Services) -> None:
    named = {
        name: volume.split(":")[0]
        for name, service in services.items()
        for volume in service.get("volumes", [])
        if ":" in volume and not volume.startswith(".")
    }

    assert set(named.values()) == set(stack["volumes"])
    assert named["hive-metastore-postgresql"] == "hive_metastore_db"
    assert {"gold", "jenkins", "namenode", "datanode"} <= set(named)
    assert len(set(named.values())) == len(named)


def test_the_data_network_has_no_way_in_or_out(stack: dict[str, Any], services: Services) -> None:
    internal = {name for name, network in stack["networks"].items() if network.get("internal")}
    inside = {name for name in services if networks(services, name) <= internal}

    assert internal == {"data", "control"}
    assert inside == {
        "namenode", "datanode", "hive-metastore-postgresql", "hive-metastore", "spark-master",
        "spark-worker", "spark-history", "setup", "job",
    }  # fmt: skip
    assert "data" not in networks(services, "jenkins") | networks(services, "grafana")
    assert networks(services, "jenkins-agent-ci").isdisjoint({"data", "mail", "public"})


def test_a_database_in_clear_text_is_reached_by_inner_networks_alone(
    stack: dict[str, Any], services: Services
) -> None:
    databases = {"GOLD_HOST": "gold", "METASTORE_DB_HOST": "hive-metastore-postgresql"}
    asked = [(name, variable) for name, service in services.items() for variable in databases
             if variable in service.get("environment", {}) and name != "grafana"]  # fmt: skip

    assert len(asked) == 4
    for name, variable in asked:
        told, host = services[name]["environment"], databases[variable]
        shared = set(services[name]["networks"]) & set(services[host]["networks"])
        assert told[variable] == told["CLEAR_TEXT_HOSTS"] == host
        assert shared
        assert all(stack["networks"][network]["internal"] for network in shared)


def test_named_services_share_a_network_with_who_needs_them(services: Services) -> None:
    for name in services:
        for word in compose.strings(environment(services, name)):
            for other in re.findall(r"^(?:\w+://)?([a-z][a-z-]+)(?::\d+)?(?:/|$)", word):
                if other in services and other != name:
                    assert networks(services, name) & networks(services, other), (name, other)


def test_a_worker_can_be_had_many_times(services: Services) -> None:
    worker = services["spark-worker"]

    assert not {"container_name", "ports", "hostname"} & set(worker)
    assert not [volume for volume in worker["volumes"] if ":" in volume]
    assert "SERVICE_HOST" not in worker["environment"]
    assert not [n for n, s in services.items() if "container_name" in s]


def test_workers_are_told_the_driver_s_name_in_their_own_network(services: Services) -> None:
    agent = services["jenkins-agent"]
    driver = agent["environment"]["SPARK_DRIVER_HOST"]

    assert driver in agent["networks"]["data"]["aliases"]
    # In /etc/hosts a container's own name stands for its address in any of its networks.
    assert driver != agent["hostname"]
    assert "metastore" in services["hive-metastore"]["networks"]["data"]["aliases"]


def test_the_agent_is_given_no_secret_but_its_own(services: Services) -> None:
    given = {name for name in environment(services, "jenkins-agent") if SECRET.search(name)}

    assert given == {"JENKINS_AGENT_PASSWORD"}
    for name in ("namenode", "datanode"):
        assert not [key for key in environment(services, name) if SECRET.search(key)]


@pytest.mark.parametrize("part", ["command", "healthcheck"])
def test_roles_are_those_of_the_entrypoint(services: Services, part: str) -> None:
    script = (PROJECT_ROOT / "docker" / "entrypoint.sh").read_text()
    for name, service in services.items():
        if not service["image"].startswith("ecommerce-warehouse:") or name == "job":
            continue
        role, *arguments = service["command"]
        if part == "command" and role == "run":
            assert "run)" in script
            assert (PROJECT_ROOT / arguments[0]).is_file()
        elif part == "command":
            assert role in ROLES, name
            assert arguments == []
        elif name not in ONCE:
            assert service["healthcheck"]["test"][1:] == [
                *("/opt/warehouse/docker/entrypoint.sh", "check", role)
            ]


def test_what_is_mounted_from_the_project_is_there(services: Services) -> None:
    mounted = [
        volume.split(":") for s in services.values() for volume in s.get("volumes", [])
        if volume.startswith(".")
    ]  # fmt: skip

    assert mounted
    for source, _, mode in mounted:
        assert (PROJECT_ROOT / source).is_dir()
        assert mode == "ro"


def test_grafana_s_data_source_is_the_reader_and_told_everything(services: Services) -> None:
    text = (PROJECT_ROOT / "docker" / "grafana" / "gold.yaml").read_text()
    (source,) = yaml.safe_load(text)["datasources"]

    assert set(re.findall(r"\$(\w+)", text)) <= set(environment(services, "grafana"))
    assert source["user"] == "$GOLD_READER_USER"
    assert environment(services, "grafana")["GOLD_READER_USER"] == "warehouse_reader"
