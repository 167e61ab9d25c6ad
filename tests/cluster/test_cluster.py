"""Jobs on a cluster of real services: executors elsewhere, files on HDFS, a metastore service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.layout import Cluster
from cluster.processes import running
from tests.cluster.conftest import Shop
from tests.support.cluster import HISTORY_PORT, QUICK_START, ROOT, TestCluster
from tests.support.sockets import listening, sockets_of

pytestmark = pytest.mark.usefixtures("shop")


def processes(cluster: Cluster) -> dict[str, psutil.Process]:
    found = {service.name: running(cluster, service) for service in cluster.services()}
    return {name: process for name, process in found.items() if process is not None}


def commands(cluster: Cluster) -> Iterator[tuple[int, bytes]]:
    """Command lines of all services and of what they started, as `ps` shows them."""
    for service in processes(cluster).values():
        for process in [service, *service.children(recursive=True)]:
            yield process.pid, Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_gold_has_every_line_at_its_price(shop: Shop) -> None:
    assert shop.is_whole_in_gold()


def test_tasks_ran_in_executors_on_the_workers(cluster: TestCluster) -> None:
    application = cluster.history("applications")[-1]["id"]
    executors = cluster.history(f"applications/{application}/allexecutors")

    hosts = {e["id"]: e["hostPort"].partition(":")[0] for e in executors}
    assert hosts.pop("driver") == "driver"
    assert set(hosts.values()) == {"spark-worker-1", "spark-worker-2"}
    tasks = {e["id"]: e["totalTasks"] for e in executors}
    assert tasks.pop("driver") == 0
    assert all(tasks.values())


def test_tables_lie_on_hdfs_and_are_known_to_the_metastore_service(cluster: TestCluster) -> None:
    rows = cluster.metastore(
        'SELECT d."NAME", t."TBL_NAME", s."LOCATION" FROM "TBLS" AS t'
        ' JOIN "DBS" AS d USING ("DB_ID") JOIN "SDS" AS s USING ("SD_ID")'
    )
    assert {(db, table) for db, table, _ in rows} >= {
        ("ecommerce_db", "transactions_raw"),
        ("ecommerce_dw", "fact_transactions"),
    }
    assert all(location.startswith("hdfs://namenode:8020/lake/") for *_, location in rows)
    assert any(
        "/lake/ecommerce_db.db/" in path for path in cluster.listing("hdfs://namenode:8020/")
    )


def test_jobs_are_not_told_the_password_of_the_metastores_database(cluster: TestCluster) -> None:
    names = set(cluster.layout.job_environment())
    assert "METASTORE_URI" in names
    assert not any(name.startswith("METASTORE_DB") for name in names)


def test_no_derby_was_made(cluster: TestCluster) -> None:
    places = [ROOT, Path("/"), cluster.root, cluster.root / "jobs"]
    assert not [p for p in places if (p / "metastore_db").exists() or (p / "derby.log").exists()]


def test_files_went_to_done(cluster: TestCluster, shop: Shop) -> None:
    paths = cluster.listing("hdfs://namenode:8020/landing")
    done = [path for path in paths if "/done/transactions/" in path]
    assert len(done) == shop.delivered
    assert not [p for p in paths if re.search(r"landing/transactions/.+", p)]


def test_every_service_listens_on_its_own_loopback_address_only(cluster: TestCluster) -> None:
    known = listening()
    for name, process in processes(cluster.layout).items():
        family = [process, *process.children(recursive=True)]
        places = {known[i] for one in family for i in sockets_of(one) if i in known}
        addresses = {ipv4(address) for address, _ in places}
        assert addresses, name
        own = cluster.layout.service(name).address
        # a DataNode's own proxy between its web server and its data port
        assert addresses <= {own, "127.0.0.1"} if name == "datanode" else addresses == {own}, name


def ipv4(kernel: str) -> str:
    """An address of /proc/net/tcp or, mapped into IPv6, of tcp6."""
    if len(kernel) == 32:
        assert kernel.startswith("0000000000000000FFFF0000"), f"{kernel} is no mapped IPv4 address"
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(kernel[-8:])))


def pages(cluster: TestCluster) -> dict[str, bytes]:
    """Spark's pages: of the master, the workers, and of all applications that have run."""
    found = {
        f"{service}/{path}": cluster.page(service, port, path)
        for service, port in (("spark-master", 8080), ("spark-worker-1", 8081))
        for path in ("", "json/")
    }
    for application in [each["id"] for each in cluster.history("applications")]:
        for path in (
            *(f"api/v1/applications/{application}/{part}" for part in ("environment", "sql")),
            *(f"history/{application}/{part}/" for part in ("environment", "jobs", "SQL")),
        ):
            found[path] = cluster.page("spark-history", HISTORY_PORT, path)
    return found


def test_no_secret_is_in_a_log_a_page_a_command_line_or_an_event_log(
    cluster: TestCluster, tmp_path: Path
) -> None:
    secrets = [
        value
        for home in (cluster.layout.gold, cluster.layout.metastore_database)
        for name, value in home.read().items()
        if name.endswith("_PASSWORD")
    ]
    secrets.append(cluster.layout.record["SPARK_AUTH_SECRET"])
    cluster.run("hadoop_fs.sh", "-get", "hdfs://namenode:8020/spark-logs", str(tmp_path))
    logs = [*cluster.root.glob("logs/*"), *cluster.root.glob("*/logs/*.log")]
    logs += [path for path in cluster.root.glob("spark-worker-*/work/**/*") if path.is_file()]
    logs += [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = {str(path): path.read_bytes() for path in logs}
    texts |= {f"command of {pid}": command for pid, command in commands(cluster.layout)}
    shown = pages(cluster)
    environments = [text for name, text in shown.items() if name.endswith("/environment")]
    texts |= shown

    # What would hold them can be read: the properties of each application, the secret ones hidden.
    events = [path.read_bytes() for path in tmp_path.rglob("events_*")]
    assert events
    assert environments
    for text in (*events, *environments):
        assert b"spark.sql.session.timeZone" in text
        assert b"*********(redacted)" in text
    for text in environments:  # a job has no page of its own
        assert ["spark.ui.enabled", "false"] in json.loads(text)["sparkProperties"]
    assert len(secrets) > 8
    assert len(texts) > 15
    assert not [name for name, text in texts.items() for s in secrets if s.encode() in text]


def test_a_driver_maps_the_classes_that_set_up_archived(
    cluster: TestCluster, tmp_path: Path
) -> None:
    said = f"{QUICK_START} -Xlog:class+load:file={tmp_path}/%p.log"

    cluster.run("run_fact_postgres.sh", "--dry-run", JAVA_TOOL_OPTIONS=said)

    logs = [log.read_text() for log in tmp_path.glob("*.log")]
    assert max(log.count("shared objects file (top)") for log in logs) > 5_000


def test_again_nothing_is_new(cluster: TestCluster, shop: Shop) -> None:
    told = cluster.run("run_pipeline.sh")
    assert "gold: nothing new" in told
    assert shop.is_whole_in_gold()


def test_after_everything_was_stopped_and_started_the_data_is_there(
    cluster: TestCluster, shop: Shop
) -> None:
    cluster.must("down")
    assert not processes(cluster.layout)
    assert cluster.call("status").returncode == 75

    cluster.must("up")
    cluster.must("status")
    shop.deliver()
    cluster.run("run_pipeline.sh")

    assert shop.is_whole_in_gold()
