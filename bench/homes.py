"""Warehouses of their own for measurements: made empty, run with the project's own commands."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.processes import Measured, measure
from generators.replay import landing_files

FILES_TO_MAIL = (
    "ingest_products,ingest_countries,ingest_transactions,fact_postgres,detect_anomalies,send_mail"
)
EVERY_FOUR_HOURS = "ingest_transactions,fact_postgres,detect_anomalies,send_mail"
# For drivers that work for minutes, whatever waits in the landing directory.
BOTH_COMPILERS = {"SPARK_QUICK_COMPILER": "never"}
EMPTY = (sys.executable, "-m", "jobs.launch", "bench/empty_job.py")


class Home:
    """A warehouse's home directory, with its own databases and landing."""

    def __init__(self, path: Path, more: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.env = {**os.environ, **(more or {}), "WAREHOUSE_HOME": str(path)}

    @property
    def landing(self) -> Path:
        """Where files arrive."""
        return self.path / "landing"

    def run(self, *command: str) -> Measured:
        """Run a command of the project on this home."""
        return measure(command, self.env)

    def pipeline(self, only: str = FILES_TO_MAIL) -> Measured:
        """Jobs of the chain, one Spark application."""
        return self.run("scripts/run_pipeline.sh", "--only", only)

    def stages(self) -> dict[str, float]:
        """Seconds by job of the last pipeline."""
        report = max((self.path / "logs" / "pipeline").glob("*.json"))
        return {o["job"]: o["seconds"] for o in json.loads(report.read_text(encoding="utf-8"))}

    def land_year(self, data: Path, countries: Path) -> None:
        """Put the real year's landing files there."""
        for file in landing_files(data, countries):
            (self.landing / file.kind / file.name).write_bytes(file.content)


@contextmanager
def fresh_home(path: Path, more: Mapping[str, str] | None = None) -> Iterator[Home]:
    """A home that is set up; its services are stopped at the end."""
    home = Home(path, more)
    home.run("scripts/run_setup.sh")
    try:
        yield home
    finally:
        home.run(sys.executable, "-m", "embedded", "down")


def one_more_file(home: Home) -> Path:
    """The last file's lines once more, under new invoice numbers, in the next window."""
    last = max((home.landing / "done" / "transactions").glob("transactions_*.csv"))
    stamp = datetime.strptime(last.stem.split("_")[1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    name = f"transactions_{stamp + timedelta(hours=4):%Y%m%dT%H%M}.csv"
    draft = home.landing / "transactions" / f".{name}"
    with last.open(newline="", encoding="utf-8") as source, draft.open("w", newline="") as out:
        rows = csv.reader(source)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(["9" + row[0], *row[1:]] for row in rows)
    return draft.rename(draft.with_name(name))
