"""The real year, files to mail, against an empty `spark-submit` in the same run.

    make bench ARGS="year --data ../shared/data/online_retail.csv.xz \
                          --countries ../shared/data/countries.csv"
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench.processes import ROOT, Measured, measure, middle
from generators.replay import landing_files

FILES_TO_MAIL = (
    "ingest_products,ingest_countries,ingest_transactions,fact_postgres,detect_anomalies,send_mail"
)
GOALS = {"the real year, files to mail": 12, "again, nothing new": 3, "one more 4-hour file": 4}


@dataclass
class Results:
    """Runs by what was measured, and the stages of the year's runs in seconds."""

    runs: dict[str, list[Measured]] = field(default_factory=dict)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, measured: Measured) -> None:
        """Keep a run."""
        self.runs.setdefault(name, []).append(measured)


class Home:
    """A warehouse of its own, made for one round and dropped after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {**os.environ, "WAREHOUSE_HOME": str(path)}

    def run(self, *command: str) -> Measured:
        """Run a command of the project on this home."""
        return measure(command, self.env)

    def pipeline(self) -> Measured:
        """Files to mail, one application."""
        return self.run("scripts/run_pipeline.sh", "--only", FILES_TO_MAIL)

    def stages(self) -> dict[str, float]:
        """Seconds by job of the last pipeline."""
        report = max((self.path / "logs" / "pipeline").glob("*.json"))
        return {o["job"]: o["seconds"] for o in json.loads(report.read_text(encoding="utf-8"))}


def one_more_file(landing: Path) -> None:
    """The last file's lines once more under new invoice numbers, in the next window."""
    last = max((landing / "done" / "transactions").glob("transactions_*.csv"))
    stamp = datetime.strptime(last.stem.split("_")[1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    target = landing / "transactions" / f"transactions_{stamp + timedelta(hours=4):%Y%m%dT%H%M}.csv"
    with last.open(newline="", encoding="utf-8") as source, target.open("w", newline="") as out:
        rows = csv.reader(source)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(["9" + row[0], *row[1:]] for row in rows)


def round_trip(directory: Path, data: Path, countries: Path, results: Results) -> None:
    """One round on a fresh home."""
    home = Home(directory / "home")
    empty = [sys.executable, "-m", "jobs.launch", "bench/empty_job.py"]
    home.run("scripts/run_setup.sh")
    home.run(*empty)  # the first start of a machine reads jars from disk
    landing = home.path / "landing"
    for file in landing_files(data, countries):
        (landing / file.kind / file.name).write_bytes(file.content)
    try:
        results.add("empty spark-submit", home.run(*empty))
        results.add("the real year, files to mail", home.pipeline())
        for job, seconds in home.stages().items():
            results.stages.setdefault(job, []).append(seconds)
        results.add("again, nothing new", home.pipeline())
        results.add("empty spark-submit", home.run(*empty))
        one_more_file(landing)
        results.add("one more 4-hour file", home.pipeline())
    finally:
        home.run(sys.executable, "-m", "embedded", "down")


def report(results: Results) -> str:
    """The table, ratios first."""
    base = middle(results.runs["empty spark-submit"])
    lines = [
        "| what | x empty | goal | wall s | CPU s | driver peak MiB | runs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in results.runs.items():
        m = middle(runs)
        goal = f"<= {GOALS[name]}" if name in GOALS else ""
        lines.append(
            f"| {name} | {m.wall / base.wall:.1f} | {goal} | {m.wall:.1f} | {m.cpu:.1f}"
            f" | {m.peak_mib:,.0f} | {len(runs)} |"
        )
    lines += ["", "| stage of the real year | s | share |", "|---|---|---|"]
    year = middle(results.runs["the real year, files to mail"]).wall
    medians = {job: median(values) for job, values in results.stages.items()}
    medians["starting and stopping Spark"] = year - sum(medians.values())
    lines += [f"| {job} | {s:.1f} | {s / year:.0%} |" for job, s in medians.items()]
    return "\n".join(lines)


def main(
    data: Annotated[Path, typer.Option(help="The real year's file.")],
    countries: Annotated[Path, typer.Option(help="The countries master.")],
    rounds: Annotated[int, typer.Option(min=1, help="Fresh homes to measure.")] = 3,
) -> None:
    """Measure the main job against an empty spark-submit, in one run on one machine."""
    results = Results()
    for number in range(rounds):
        typer.echo(f"round {number + 1} of {rounds}", err=True)
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            round_trip(
                Path(directory), (ROOT / data).resolve(), (ROOT / countries).resolve(), results
            )
    typer.echo(f"{os.cpu_count()} cores; medians of {rounds} rounds, the peak is the largest\n")
    typer.echo(report(results))
