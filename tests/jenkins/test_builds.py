"""Builds with the real wrappers on an embedded warehouse, in the order of a day."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from dotenv import dotenv_values

from embedded import services
from embedded.home import Home
from tests.jenkins.builds import Build, Jenkins
from tests.scripts.runner import run, sql

SECRETS = re.compile("PASSWORD|SECRET")
COUNTRIES = "country_id,country,iso_code,region,sub_region\n826,United Kingdom,GB,Europe,Northern\n"
PRICES = "stock_code,description,category,unit_price\nA1,Mug,Kitchen,2.50\nB2,Lamp,Light,9.99\n"
HEADER = "invoice_no,line_no,stock_code,quantity,invoice_date,customer_id,country\n"
LINES = (
    "1001,1,A1,6,2011-01-03 08:10:00,77,United Kingdom\n"
    "1001,2,B2,1,2011-01-03 08:10:00,77,United Kingdom\n"
    "1002,1,A1,2,2011-01-03 09:00:00,,United Kingdom\n"
    "1003,1,A1,2,2011-01-03 09:30:00,,Atlantis\n"
)
# A build of a few rows is over before a second compiler pays.
SMALL = {
    "SPARK_MASTER": "local[2]",
    "SPARK_SHUFFLE_PARTITIONS": "1",
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
}

pytestmark = pytest.mark.spark


class Shop:
    """A Jenkins, its warehouse, and all builds so far."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        done = run("run_setup.sh", home=self.home)
        assert done.returncode == 0, done.stderr
        values = dotenv_values(self.home / "embedded.env")
        self.secrets = {k: str(v) for k, v in values.items() if v and SECRETS.search(k)}
        ids = {name.lower().replace("_", "-"): value for name, value in self.secrets.items()}
        unset = {"spark-auth-secret": "of-spark-4718", "smtp-password": "of-smtp-4717"}
        agent = {"WAREHOUSE_HOME": str(self.home), **SMALL}
        self.jenkins = Jenkins(directory, agent, unset | ids, labels=["spark"])
        self.builds: list[Build] = []

    def land(self, source: str, name: str, text: str) -> None:
        (self.home / "landing" / source / name).write_text(text)

    def build(self, pipeline: str, **given: str | bool) -> Build:
        self.builds.append(self.jenkins.build(pipeline, **given))  # type: ignore[arg-type]
        return self.builds[-1]


def report(build: Build) -> list[tuple[str, str, str]]:
    """The runs that the build's report names: job, status, who started it."""
    runs = json.loads((build.artifacts / "report" / "report.json").read_text())["runs"]
    return [(run["job"], run["status"], run["triggered_by"]) for run in runs]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    services.down(Home(shop.home))


@pytest.fixture(scope="module")
def morning(shop: Shop) -> Build:
    """The daily pipeline, as the timer starts it; one of the price lists is spoilt."""
    shop.land("countries", "countries_20110101.csv", COUNTRIES)
    shop.land("products", "products_20110101.csv", PRICES)
    shop.land("products", "products_20110102.csv", "no,such,header\n1,2,3\n")
    return shop.build("daily", timer=True)


@pytest.fixture(scope="module")
def noon(shop: Shop, morning: Build) -> Build:
    """The pipeline of every 4 hours, as the timer starts it."""
    shop.land("transactions", "transactions_20110103T0800.csv", HEADER + LINES)
    return shop.build("transactions", timer=True)


def test_setting_up_again_is_harmless(shop: Shop) -> None:
    build = shop.build("setup")

    assert build.result == "SUCCESS", build.console
    assert build.stages == ["Set-up"]


def test_the_daily_build_is_one_application_in_the_chains_order(morning: Build) -> None:
    assert morning.stages == ["Warehouse", "All"]
    assert re.findall(r"^\(\d/6\) (\w+)", morning.console, re.MULTILINE) == [
        "ingest_products",
        "ingest_countries",
        "fact_postgres",
        "detect_anomalies",
        "send_mail",
        "dw",
    ]
    assert {started for _, _, started in report(morning)} == {"schedule"}
    assert len(re.findall(r"^chain: 6 jobs", morning.console, re.MULTILINE)) == 1


def test_a_refused_file_makes_the_build_yellow_and_the_rest_goes_through(
    shop: Shop, morning: Build
) -> None:
    assert morning.result == "UNSTABLE", morning.console
    assert "1 file refused" in morning.trace["description"]
    assert morning.steps("junit")[0]["failures"] >= 1
    assert sql(shop.home, "SELECT count(*) FROM dim_products").stdout == "2\n"
    assert morning.mails == []


def test_a_good_build_says_what_happened(shop: Shop, noon: Build) -> None:
    assert noon.result == "SUCCESS", noon.console
    assert noon.trace["name"] == "#" + noon.directory.name + " pipeline --scheduled"
    assert noon.trace["description"] == "4 lines · 1 error · 0 anomalies"
    assert sql(shop.home, "SELECT count(*) FROM fact_transactions").stdout == "3\n"


def test_checks_are_cases_of_the_build(noon: Build) -> None:
    (junit,) = noon.steps("junit")

    assert junit["failures"] == 0
    assert junit["cases"] > 4
    kept = {"report/report.json", "report/checks.xml", "report/summary.txt", "report/pipeline.log"}
    assert set(noon.steps("archiveArtifacts")[0]["files"]) == kept


def test_a_run_in_the_database_names_its_build(shop: Shop, noon: Build) -> None:
    found = sql(shop.home, "SELECT DISTINCT job FROM ops.runs WHERE build = "
                f"'jenkins-transactions-{noon.directory.name}' ORDER BY job")  # fmt: skip

    assert found.stdout.split() == [
        "detect_anomalies",
        "fact_postgres",
        "ingest_transactions",
        "send_mail",
    ]


def test_a_rerun_by_hand_is_one_stage_of_these_dates(shop: Shop, noon: Build) -> None:
    rerun = {"FROM": "2011-01-03", "TO": "2011-01-03", "FORCE": True, "DRY_RUN": True}
    build = shop.build("transactions", ONLY="fact_postgres", **rerun)

    assert build.result == "SUCCESS", build.console
    assert build.stages == ["Warehouse", "Gold"]
    assert report(build) == [("fact_postgres", "done", "manual")]
    assert "--from=2011-01-03 --to=2011-01-03 --force --dry-run" in build.trace["name"]
    assert sql(shop.home, "SELECT count(*) FROM fact_transactions").stdout == "3\n"


def test_a_rerun_with_a_date_that_is_none_fails_and_mails(shop: Shop, noon: Build) -> None:
    build = shop.build("transactions", ONLY="ingest_transactions", FROM="$(id)")

    assert build.result == "FAILURE"
    assert build.steps("sh")[0]["code"] == 2
    assert build.mails[0]["body"].startswith("Stage: Transactions\n")


class LateServer:
    """A port in front of Postgres on which nothing listens until the file says so."""

    def __init__(self, port: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.behind = port
        self.stop = threading.Event()

    def open_after(self, console: Path, words: str) -> None:
        while not (console.exists() and words in console.read_text()):
            time.sleep(0.05)
        with socket.create_server(("127.0.0.1", self.port)) as server:
            server.settimeout(0.2)
            while not self.stop.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                behind = socket.create_connection(("127.0.0.1", self.behind))
                for pair in ((client, behind), (behind, client)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source, target:  # the other direction's thread closes both
        while data := source.recv(65536):
            target.sendall(data)


def test_a_build_waits_for_a_database_that_comes_back(shop: Shop, noon: Build) -> None:
    port = int(str(dotenv_values(shop.home / "embedded.env")["GOLD_PORT"]))
    late = LateServer(port)
    console = shop.jenkins.directory / str(shop.jenkins.builds + 1) / "console"
    opening = threading.Thread(target=late.open_after, args=(console, "try 1: "))
    opening.start()
    shop.jenkins.agent |= {"GOLD_PORT": str(late.port), "RETRY_SECONDS": "2"}

    build = shop.build("transactions", ONLY="detect_anomalies")

    for name in ("GOLD_PORT", "RETRY_SECONDS"):
        shop.jenkins.agent.pop(name)
    late.stop.set()
    opening.join()
    assert build.result == "SUCCESS", build.console
    assert "try 1: a service did not answer (exit code 75)" in build.console
    assert "try 2: " not in build.console
    assert report(build) == [("detect_anomalies", "done", "manual")]


def test_a_database_that_stays_away_fails_the_build(shop: Shop, noon: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        shop.jenkins.agent["GOLD_PORT"] = str(free.getsockname()[1])

    build = shop.build("transactions", ONLY="detect_anomalies")

    shop.jenkins.agent.pop("GOLD_PORT")
    assert build.result == "FAILURE"
    assert build.steps("sh")[0]["code"] == 75
    assert len(re.findall("^try ", build.console, re.MULTILINE)) == 2
    assert build.trace["description"] == "no report: run_report.sh ended with code 75"
    assert build.mails[0]["body"].startswith("Stage: Anomalies\nno report: ")


def test_the_other_pipelines_run_too(shop: Shop, noon: Build) -> None:
    baselines = shop.build("baselines", timer=True)
    readiness = shop.build("readiness", AT="2011-01-03 10:00")

    assert baselines.result == "SUCCESS", baselines.console
    assert report(baselines) == [("refresh_baselines", "done", "schedule")]
    assert readiness.result in {"SUCCESS", "UNSTABLE"}, readiness.console


def test_a_backfill_finds_nothing_to_change(shop: Shop, noon: Build) -> None:
    build = shop.build("backfill", FROM="2011-01-03", TO="2011-01-03", DRY_RUN=True)

    assert build.result == "SUCCESS", build.console
    assert build.stages == ["Backfill"]
    assert "transactions_20110103T0800.csv" in build.console


def test_reset_takes_the_checksum_that_its_dry_run_printed(shop: Shop, noon: Build) -> None:
    dry = shop.build("reset")
    wrong = shop.build("reset", CHECKSUM="0123456789ab")
    there = shop.home.exists()
    checksum = dry.console.split("--confirm ")[1].split()[0]
    real = shop.build("reset", CHECKSUM=checksum)

    assert [build.result for build in (dry, wrong, real)] == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert there
    assert not shop.home.exists()


def test_no_build_shows_a_secret(shop: Shop, noon: Build) -> None:
    kept = {
        path: path.read_bytes()
        for build in shop.builds
        for path in build.directory.rglob("*")
        if path.is_file()
    }
    kept |= {path: path.read_bytes() for path in shop.jenkins.directory.glob("workspace*/**/*")
             if path.is_file()}  # fmt: skip

    assert len(kept) > 20
    secrets = set(shop.jenkins.credentials.values())
    assert len(secrets) >= 7
    assert [path for path, text in kept.items() for s in secrets if s.encode() in text] == []
