"""What gives a job that is started by hand something to do, and what has to follow it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from time import time as clock
from typing import TYPE_CHECKING

from jobs import check_data
from jobs.common.contracts import TRANSACTIONS_RAW
from tests.crashes import shop
from tests.crashes.steps import BY_TASKS, FAILING, HELD, UNDELIVERED, own_home

if TYPE_CHECKING:
    from tests.crashes.matrix import Matrix

LOADS = ("ingest_countries", "ingest_transactions", "fact_postgres")
OLD = 40 * 24 * 3600  # seconds


def _sell_too_much(matrix: Matrix) -> None:
    """A day that the breaker holds back."""
    matrix.deliver(shop.too_large(matrix.held))
    matrix.go("ingest_transactions")


def _put_right(matrix: Matrix) -> None:
    """A later file says otherwise, so that all that waits is published."""
    matrix.deliver(shop.put_right(matrix.held))
    matrix.held += 1
    matrix.go("ingest_transactions")
    matrix.go("fact_postgres")


def _bring_a_day(matrix: Matrix) -> None:
    """Something to load."""
    matrix.next_delivery()
    for job in LOADS[:-1]:
        matrix.go(job)


def _load(matrix: Matrix) -> None:
    matrix.go("fact_postgres")


def _take(matrix: Matrix) -> None:
    matrix.go("ingest_transactions")


def _have_news(matrix: Matrix) -> None:
    """Lines in error, of which a mail tells."""
    _bring_a_day(matrix)
    _load(matrix)


def _leave_old_things(matrix: Matrix) -> None:
    """Small files and a stray one in the lake, a log that is old, and one with a word in it."""
    _have_news(matrix)
    _leave_a_stray(matrix)
    logs = own_home(matrix.warehouse.settings) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for path in logs.glob("spark.log*"):  # once a day it is put aside
        path.unlink()
    (logs / "spark.log").write_text("a word\n")
    old = logs / "spark.log.2020-01-01"
    old.write_text("an old word\n")
    _make_old(old)


def _leave_a_stray(matrix: Matrix) -> None:
    """What a writer left that was killed long ago."""
    file = matrix.warehouse.data(TRANSACTIONS_RAW)[0]
    stray = file.with_name("00000-9-killed.parquet")
    shutil.copy(file, stray)
    _make_old(stray)


def _make_old(path: os.PathLike[str]) -> None:
    os.utime(path, (clock() - OLD,) * 2)


def _answer_well(matrix: Matrix) -> None:
    """What fails as before is not mailed: on the day of the last list all was right."""
    day = shop.FIRST + timedelta(days=matrix.deliveries - 1)
    noon = datetime.combine(day, time(12), UTC)
    check_data.run(matrix.context, noon, now=noon, only="lists_are_fresh", junit=None)


BEFORE: dict[str, Callable[[Matrix], None]] = {
    HELD: _sell_too_much,
    FAILING: _bring_a_day,
    BY_TASKS: _bring_a_day,
    UNDELIVERED: _have_news,
    "check_data": _answer_well,
    "maintain": _leave_old_things,
    "erase_customer": _leave_a_stray,
}
AFTER: dict[str, Callable[[Matrix], None]] = {
    HELD: _put_right,
    FAILING: _load,
    "backfill": _take,
}


def prepare(matrix: Matrix, job: str) -> None:
    """Before the job, so that it has work."""
    BEFORE.get(job, lambda _: None)(matrix)


def settle(matrix: Matrix, job: str) -> None:
    """After it, so that others have."""
    AFTER.get(job, lambda _: None)(matrix)
