"""More executors on a cluster of this machine, and what a billion lines a year would need."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.book import Book
from bench.charts import bars, table
from bench.homes import FILES_TO_MAIL
from bench.parts import Options
from bench.processes import ROOT, Measured, measure
from generators.replay import landing_files

PART = "scale"
EXECUTORS = (1, 2)
LANDING = "hdfs://namenode:8020/landing"
STAGES = ("ingest_transactions", "fact_postgres", "detect_anomalies")
MORE_LINES = 10 * 541_909 - 541_909  # between the two sizes of the part `job`
BILLION = 1_000_000_000
WINDOWS = 365 * 6
WIDTH = """
SELECT sum(pg_total_relation_size(inhrelid))::float / (SELECT count(*) FROM fact_transactions)
FROM pg_inherits WHERE inhparent = 'fact_transactions'::regclass
"""


def case_of(executors: int) -> str:
    """Name of a case."""
    return f"{executors} executor{'s' if executors > 1 else ''} of one core"


class LocalCluster:
    """A cluster of plain processes, driven by its script."""

    def __init__(self, root: Path) -> None:
        self.env = {**os.environ, "CLUSTER_HOME": str(root)}

    def call(self, *words: str) -> Measured:
        """`scripts/cluster.sh`."""
        return measure(("scripts/cluster.sh", *words), self.env)

    def job(self, executors: int, *command: str) -> Measured:
        """A job with so many executors of one core each."""
        limits = (f"SPARK_EXECUTORS={executors}", "SPARK_EXECUTOR_CORES=1")
        return self.call("run", "env", *limits, *command)


@contextmanager
def cluster_with_the_year(options: Options) -> Iterator[LocalCluster]:
    """A cluster whose gold holds the real year; it is stopped at the end."""
    files = options.scratch / "scale-files"
    for file in landing_files(options.data, options.countries):
        (files / file.kind).mkdir(parents=True, exist_ok=True)
        (files / file.kind / file.name).write_bytes(file.content)
    cluster = LocalCluster(options.scratch / "cluster")
    cluster.call("up")
    try:
        cluster.call("run", "scripts/run_setup.sh")
        for kind in files.iterdir():
            names = sorted(str(file) for file in kind.iterdir())
            put = ("scripts/hadoop_fs.sh", "-put", *names, f"{LANDING}/{kind.name}/")
            cluster.call("run", *put)
        cluster.call("run", "scripts/run_pipeline.sh", "--only", FILES_TO_MAIL)
        yield cluster
    finally:
        cluster.call("down")


def _bytes_a_line(cluster: LocalCluster) -> float:
    command = ("scripts/cluster.sh", "run", "scripts/gold_sql.sh", WIDTH)
    done = subprocess.run(command, cwd=ROOT, env=cluster.env, capture_output=True, check=True)
    return float(done.stdout.decode().strip().splitlines()[-1])


def run(book: Book, options: Options) -> None:
    """All lines of the year looked at again (read, priced, split, copied), by turns."""
    if all(len(book.runs(PART, case_of(n))) >= options.rounds for n in EXECUTORS):
        return
    with cluster_with_the_year(options) as cluster:
        book.state(PART, "bytes a line", _bytes_a_line(cluster))
        again = ("scripts/run_fact_postgres.sh", "--force")
        for number in range(1, options.rounds + 1):
            for n in EXECUTORS:
                book.repeat(PART, case_of(n), number, lambda n=n: _figures(cluster.job(n, *again)))  # type: ignore[misc]


def _figures(measured: Measured) -> dict[str, float]:
    return {"wall": measured.wall, "peak_mib": measured.peak_mib}


def report(book: Book) -> str:
    """The section."""
    cases = [case_of(n) for n in EXECUTORS if book.runs(PART, case_of(n))]
    sections = [WORDS, _compared(book, cases)]
    if book.runs("job", "ours, 10 years") and book.runs("job", "ours, 1 year"):
        sections.append(_on_paper(book))
    return "\n\n".join(sections)


WORDS = """\
## Scale

On the local cluster (`scripts/cluster.sh`: HDFS, metastore service, standalone Spark, all on one
machine), `run_fact_postgres.sh --force`: all lines of the real year are read from HDFS, priced,
split and copied into Postgres again, and compared with what gold holds. Both executors share two
cores with HDFS, Postgres and the driver, so this shows that work is spread, and little more."""


def _compared(book: Book, cases: list[str]) -> str:
    rows = [
        (case, f"{book.ratio(PART, case, cases[0]):.2f} ×", f"{book.median(PART, case):.1f} s")
        for case in cases
    ]
    chart = bars(
        PART,
        "A year looked at again, seconds",
        [(case, book.median(PART, case)) for case in cases],
        ours=cases,
    )
    return "\n\n".join([table(("", "× one executor", "wall"), rows), chart])


def unit_cost(book: Book, stage: str) -> float:
    """Seconds a million lines: what nine more years took longer than the first."""
    longer = book.median("job", "ours, 10 years", stage) - book.median("job", "ours, 1 year", stage)
    return longer / MORE_LINES * 1e6


def _on_paper(book: Book) -> str:
    costs = {stage: unit_cost(book, stage) for stage in STAGES}
    costs["together"] = sum(costs.values())
    batch = BILLION / WINDOWS
    rows = [
        (
            stage,
            f"{cost:.1f} s",
            f"{cost * BILLION / 1e6 / 3600:.1f} h",
            f"{cost * batch / 1e6:.0f} s",
        )
        for stage, cost in costs.items()
    ]
    header = ("stage", "a million lines", "a billion", f"a window of {batch:,.0f} lines")
    busy = costs["together"] * batch / 1e6 / (4 * 3600)
    width = book.fact(PART, "bytes a line", 0)
    words = PAPER.format(busy=busy, width=width, year=width * BILLION / 2**30)
    return "\n\n".join([PAPER_HEAD, table(header, rows), words])


PAPER_HEAD = """\
**On paper, a billion lines a year.** From what nine more years took in the job above, on this
machine:"""
PAPER = """\
A year of windows keeps this machine busy {busy:.1%} of the time. Reading, parsing, pricing and
copying are spread over executors; the merge is one Postgres transaction, which they do not help.
The fact takes {width:.0f} bytes a line with its indexes, {year:,.0f} GiB a year: disk for each year
kept, memory for the month under way, and months of 83 million lines, which are still built aside
and attached one by one."""
