"""A warehouse with a past: made fast, then run as any other."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.book import Figures
from bench.growth import history
from bench.growth.counters import Counters, counters
from bench.growth.history import History
from bench.growth.opened import KINDS, Opened, watching
from bench.growth.shop import LAST, late_price_list, log, month_of, price_list
from bench.homes import BOTH_COMPILERS, EVERY_FOUR_HOURS, Home
from bench.memory import watched
from generators.landing import countries_file, deliver
from jobs.common.db import connect
from jobs.common.settings import Settings

LISTS = "ingest_products,ingest_countries,fact_postgres"
PROGRESS = "bench.json"  # of the home: what was delivered since its history was made
RESERVED = 60  # windows after the history, for files
RESTATED = date(2024, 10, 15)  # in the month before the last, which every size has
MISSED = 10  # days from then on whose lists did not come; what one changes ends before November
PRODUCT = 17
BATCH = """
SELECT
    count(*),
    md5(string_agg(concat_ws('|', f.transaction_id, f.customer_sk, f.country_sk, f.invoice_date,
        f.quantity, f.unit_price, f.total_amount), ',' ORDER BY f.transaction_id))
FROM fact_transactions AS f
WHERE f.invoice_date >= %s
AND f.batch_id = (SELECT max(run_id) FROM ops.runs WHERE job = 'fact_postgres')
"""


@dataclass(frozen=True)
class Seen:
    """What a run took, did to Postgres, and read of the lake."""

    figures: Figures
    gold: Counters
    lake: Opened


def is_built(path: Path) -> bool:
    """Whether a home's history is whole."""
    return (path / PROGRESS).exists()


class Grown:
    """A home with so many months of history."""

    def __init__(self, home: Home, months: int, countries: Path) -> None:
        self.home = home
        self._progress = home.path / PROGRESS
        self._countries = countries
        with countries.open(encoding="utf-8") as source:
            names = [row["country"] for row in csv.DictReader(source)][:40]
        self._next = month_of(LAST).windows - RESERVED
        self.history = History(months, self._next, names)

    @property
    def settings(self) -> Settings:
        """The home's, as a job has them."""
        found = Settings(_env_file=self.home.path / "embedded.env")  # type: ignore[call-arg]
        return found.model_copy(update={"warehouse_home": self.home.path})

    @property
    def lines(self) -> int:
        """Lines of history."""
        return sum(self.history.lines(month) for month in self.history.months)

    def versions(self) -> int:
        """Product versions in gold."""
        (count,) = self._row("SELECT count(*) FROM dim_products")
        return int(count)

    @property
    def files(self) -> int:
        """How many windows have passed since the history."""
        return self._passed()["files"]

    @property
    def lists(self) -> int:
        """How many days of the past were given another price since."""
        return self._passed()["lists"]

    def _passed(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._progress.read_text(encoding="utf-8"))
        return found

    def _pass(self, **now: int) -> None:
        told = {
            "files": 0,
            "lists": 0,
            **(self._passed() if is_built(self.home.path) else {}),
            **now,
        }
        self._progress.write_text(json.dumps(told), encoding="utf-8")

    def build(self) -> None:
        """Lists by the project's own jobs; then lines, straight into the lake and into gold."""
        first, last = self.history.months[0].first, self.history.months[-1]
        deliver(self.home.landing, countries_file(first, self._countries.read_bytes()))
        listed = (last.window_start(self._next).date() - first).days + 1
        for day in (first + timedelta(days=n) for n in range(listed)):
            if not RESTATED <= day < RESTATED + timedelta(days=MISSED):
                deliver(self.home.landing, price_list(day))
        self.home.pipeline(LISTS)
        arguments = [str(self.history.count), str(self._next), "|".join(self.history.countries)]
        made = self.home.path / "snapshot"
        Home(self.home.path, BOTH_COMPILERS).run(
            *(sys.executable, "-m", "jobs.launch", "bench/growth/fill.py"),
            *(*arguments, str(made)),
        )
        history.build(self.settings, self.history, int(made.read_text()))
        self._pass()

    def one_more_file(self, nth: int) -> Seen:
        """The log of the nth window after the history arrives, and the chain takes it."""
        month = self.history.months[-1]
        self._pass(files=nth + 1)
        deliver(self.home.landing, log(month, self._next + nth, self.history.countries))
        return self._seen(EVERY_FOUR_HOURS)

    def last_batch(self) -> tuple[int, str]:
        """How many lines the last load wrote, and a digest of what they say."""
        count, digest = self._row(BATCH, LAST)
        return count, digest

    def _row(self, query: str, *values: object) -> tuple[Any, ...]:
        """The one row that a query of gold gives."""
        with closing(connect(self.settings, "owner")) as conn, conn, conn.cursor() as cur:
            cur.execute(query, values)
            row = cur.fetchone()
        assert row is not None
        return row

    def late_price(self, nth: int) -> Seen:
        """The list of the nth day that had none arrives late: one product's price is another."""
        day = RESTATED + timedelta(days=nth)
        self._pass(lists=nth + 1)
        before = RESTATED - timedelta(days=1)
        deliver(self.home.landing, late_price_list(day, before, PRODUCT + nth))
        return self._seen("ingest_products,fact_postgres,detect_anomalies,send_mail")

    def _seen(self, jobs: str) -> Seen:
        before = counters(self.settings)
        with watching(self.home.path / "lake") as lake:
            figures = watched(self.home.path / "pgdata", lambda: self.home.pipeline(jobs))
        gold = counters(self.settings).since(before)
        figures |= {f"{job}_s": seconds for job, seconds in self.home.stages().items()}
        figures |= {f"{kind}_files": len(lake.read(kind)) for kind in KINDS}
        return Seen(figures, gold, lake)
