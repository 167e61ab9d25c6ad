"""How soon a file is a row: from its rename in landing/ to a view, one application a run."""

from __future__ import annotations

import csv
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.book import Book, Figures
from bench.charts import bars, table
from bench.homes import BOTH_COMPILERS, EMPTY, EVERY_FOUR_HOURS, Home, fresh_home, one_more_file
from bench.parts import Options
from bench.processes import ROOT
from jobs.common.db import connect
from jobs.common.settings import Settings, env_files

PART = "freshness"
BASE = "an empty `spark-submit`"
STOCK = "the same without our start (no class archive, full compiler)"
ROW = "one more 4-hour file: its row is in the view"
END = "… and the application has ended, mail sent"
NOTHING = "a run with nothing new"
GOAL = 2.0
POLL_SECONDS = 0.02
WORDS = """\
## Freshness

From the rename of a 4-hour file in `landing/` to its last line in `v_transaction_status`, with the
real year loaded: the chain that Jenkins runs every four hours (ingestion, gold, anomalies, mail) in
a Spark application of its own. The base is a session with Hive and Iceberg, one query, and its end,
started as our jobs are."""


def run(book: Book, options: Options) -> None:
    """On the real year, loaded; each round is an empty start, a file, and a run without one."""
    if len(book.runs(PART, NOTHING)) >= options.rounds:
        return
    with fresh_home(options.scratch / "freshness") as home:
        home.land_year(options.data, options.countries)
        home.pipeline()
        home.run(*EMPTY)
        while len(book.runs(PART, NOTHING)) < options.rounds:
            book.add(PART, BASE, wall=home.run(*EMPTY).wall)
            book.add(PART, STOCK, wall=_stock(home))
            figures = _one_file(home)
            book.add(PART, END, **{k: v for k, v in figures.items() if k != "row"})
            book.add(PART, ROW, wall=figures["row"])
            book.add(PART, NOTHING, wall=home.pipeline(EVERY_FOUR_HOURS).wall)


def _stock(home: Home) -> float:
    plain = Home(home.path, BOTH_COMPILERS | {"SPARK_CLASS_ARCHIVE": "false"})
    return plain.run(*EMPTY).wall


def _one_file(home: Home) -> Figures:
    """Seconds until the file's last line is in the view, and until the process ended."""
    settings = Settings(_env_file=env_files(home.path))  # type: ignore[call-arg]
    file = one_more_file(home)
    start = time.monotonic()
    command = ["scripts/run_pipeline.sh", "--only", EVERY_FOUR_HOURS]
    with closing(connect(settings, "reader")) as conn:
        conn.autocommit = True
        process = subprocess.Popen(command, cwd=ROOT, env=home.env, stdout=subprocess.DEVNULL)
        row = _seen(conn, process, _last_line(file), start)
    if process.wait():
        raise RuntimeError(f"the pipeline ended with {process.returncode}")
    return {"row": row, "wall": time.monotonic() - start}


def _last_line(file: Path) -> str:
    with file.open(newline="", encoding="utf-8") as source:
        *_, last = csv.reader(source)
    return f"{last[0]}-{last[1]}"


def _seen(conn: Any, process: subprocess.Popen[bytes], transaction: str, start: float) -> float:
    with conn.cursor() as cur:
        while True:
            ended = process.poll() is not None
            cur.execute(
                "SELECT FROM v_transaction_status WHERE transaction_id = %s", (transaction,)
            )
            if cur.fetchone() is not None:
                return time.monotonic() - start
            if ended:
                raise RuntimeError(f"{transaction} is in no view")
            time.sleep(POLL_SECONDS)


def report(book: Book) -> str:
    """The section."""
    cases = [case for case in (BASE, STOCK, ROW, END, NOTHING) if book.runs(PART, case)]
    rows = [
        (
            case,
            f"{book.ratio(PART, case, BASE):.2f}",
            f"≤ {GOAL:g}" if case == ROW else "",
            f"{book.median(PART, case):.1f}",
        )
        for case in cases
    ]
    seconds = [(case.replace("`", ""), book.median(PART, case)) for case in cases]
    goal = GOAL * book.median(PART, BASE)
    chart = bars(PART, "Freshness, seconds", seconds, ours=[ROW, END, NOTHING], goal=goal)
    return "\n\n".join([WORDS, table(("what", "× empty", "goal", "seconds"), rows), chart])
