"""The jobs that are killed, as a scheduler or a person calls them; the chain's in its order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

from psycopg2.extensions import cursor as Cursor

from jobs import backfill, check_data, readiness
from jobs.analytics import refresh_baselines, review_anomaly
from jobs.analytics.review_anomaly import Review
from jobs.backup import make_backup
from jobs.bronze import reading
from jobs.common.checks import Check
from jobs.common.contracts import COUNTRIES_SNAPSHOTS, TRANSACTIONS_RAW
from jobs.common.dates import Dates
from jobs.common.errors import FailedCheck, TransientError, UsageError
from jobs.common.job import JobContext
from jobs.common.landing import Landing
from jobs.common.runlog import Run
from jobs.common.settings import Settings
from jobs.gold import amendments, archive, correct, postgres_load_fact, replay_errors, staging
from jobs.gold.amendments import Word
from jobs.gold.merge import merge
from jobs.gold.replay_errors import Filter
from jobs.gold.staged import Staged
from jobs.maintain import compaction, maintain
from jobs.notify import send_mail
from jobs.pipeline import CHAIN
from jobs.privacy import erase_customer
from jobs.privacy.erase_customer import Request
from tests.crashes import shop
from tests.support.databases import query

Step = Callable[[JobContext, datetime], object]

HELD = "fact_postgres, held back"
FAILING = "fact_postgres, failing"
BY_TASKS = "fact_postgres, by tasks"
UNDELIVERED = "send_mail, undelivered"
REVIEWED = "odd-00-1"
MARCH_3 = datetime(2025, 3, 3, 10, tzinfo=UTC)
WORD = Word("tests", "a ticket")
ASKED = "bronze_lines_are_once,lines_point_to_dimensions,sums_are_of_all_lines,lists_are_fresh"
MAINTAINED = (TRANSACTIONS_RAW, COUNTRIES_SNAPSHOTS)
AT_ONCE = {"maintain_min_files": 2, "maintain_keep_days": 0}


def ended(settings: Settings, job: str, *statuses: str) -> int:
    """How many runs of a job have ended so."""
    counted = "SELECT count(*) FROM ops.runs WHERE job = %s AND status = ANY(%s)"
    return int(query(settings, counted, job, list(statuses))[0][0])


def own_home(settings: Settings) -> Path:
    """A home of the warehouse's own, for its logs: the tests' services write theirs elsewhere."""
    return Path(f"{settings.landing.removeprefix('file://')}-home")


def _some_day(settings: Settings) -> datetime:
    """Another one each time: late views are told once a day."""
    runs = ended(settings, "check_readiness", "done", "failed", "died", "running")
    return MARCH_3 + timedelta(days=runs)


def _correct(context: JobContext, _: datetime) -> None:
    """Another correction each time; one that is kept already is refused, and stays."""
    number = corrections(context.settings)
    kind, spark = CORRECTIONS[number % len(CORRECTIONS)]
    with suppress(UsageError):
        correct.run(
            context if spark else replace(context, spark=None),
            lambda cur, run: kind(cur, run, number),
            WORD,
            {},
        )


def corrections(settings: Settings) -> int:
    """How many were made."""
    return ended(settings, "correct", "done", "failed")


def _price(cur: Cursor, run: Run, number: int) -> str:
    day = f"{date(2025, 2, 1) + timedelta(days=number)}"
    return amendments.reprice(cur, run, "B2", f"1.{number:02}", Dates.parse(day, day), WORD)


def _country(cur: Cursor, run: Run, number: int) -> str:
    return amendments.rename(cur, run, f"Far {number}", 250, WORD)


def _discard(cur: Cursor, run: Run, number: int) -> str:
    return amendments.discard(cur, run, f"wrong-{number:03}-1", WORD)


CORRECTIONS = ((_country, True), (_discard, False), (_price, True))


def kinds(job: str) -> int:
    """How many kinds of runs take turns."""
    return len(CORRECTIONS) if job == "correct" else 1


def _check_data(context: JobContext, now: datetime) -> None:
    junit = own_home(context.settings) / "answers.xml"
    check_data.run(context, now, now=now, only=ASKED, junit=junit)


def _erase(context: JobContext, _: datetime) -> None:
    """Another customer, once one is erased."""
    number = erasures(context.settings)
    erase_customer.run(context, Request(shop.customer(number), "tests", "a ticket"))


def erasures(settings: Settings) -> int:
    """How many customers were erased."""
    return ended(settings, "erase_customer", "done")


def _maintain(context: JobContext, now: datetime) -> None:
    """With two files or manifests there is something to do."""
    home = {"warehouse_home": own_home(context.settings), "lake_uri": context.settings.lake}
    ours = replace(context, settings=context.settings.model_copy(update=AT_ONCE | home))
    with patch.object(compaction, "MANY_MANIFESTS", 2):
        maintain.run(ours, maintain.NAMES, now, MAINTAINED)


def _fail(context: JobContext, _: datetime) -> None:
    """A load whose check fails, as only a defect of ours can make it."""
    with suppress(FailedCheck), patch.object(postgres_load_fact, "merge", _merged_wrongly):
        postgres_load_fact.run(context)


def _merged_wrongly(cur: Cursor, run: Run, staged: Staged) -> list[Check]:
    return [*merge(cur, run, staged), Check("nothing_is_wrong", "fail", False, "1", "0")]


def by_tasks(job: str | Step, context: JobContext, now: datetime) -> None:
    """As where much waits: executors' Python parses the files, and copies the lines."""
    step = ALL[job] if isinstance(job, str) else job
    with patch.object(reading, "SMALL_BYTES", 0), patch.object(staging, "FEW", 0):
        step(context, now)


def _not_deliver(context: JobContext, now: datetime) -> None:
    """The mail server is down."""
    nowhere = replace(context, settings=context.settings.model_copy(update={"smtp_port": 1}))
    with suppress(TransientError):
        send_mail.run(nowhere, now=now)


def _put_back(context: JobContext, _: datetime) -> None:
    """The files of all days, from `done` to where they came."""
    landing = Landing(context.session, context.settings.landing, "transactions")
    for batch in backfill.rounds(backfill.extract(context, landing)):
        backfill.load(landing, batch)


def _back_up(context: JobContext, _: datetime) -> None:
    """Into another directory each time."""
    number = ended(context.settings, "backup", "done", "failed", "died")
    make_backup.run(context, str(own_home(context.settings) / "backups" / f"{number}"))


BY_HAND: dict[str, Step] = {
    "replay_errors": lambda context, _: replay_errors.run(context, Filter()),
    "refresh_baselines": lambda context, _: refresh_baselines.run(
        context, month=date(2025, 5, 1), rescore_all=True
    ),
    "review_anomaly": lambda context, _: review_anomaly.run(
        context, Review(REVIEWED, "FALSE_POSITIVE", "a wholesaler", "tests")
    ),
    "check_readiness": lambda context, now: readiness.run(
        context, _some_day(context.settings), now=now
    ),
    HELD: lambda context, _: postgres_load_fact.run(context),
    FAILING: _fail,
    BY_TASKS: partial(by_tasks, "fact_postgres"),
    UNDELIVERED: _not_deliver,
    "backfill": _put_back,
    "correct": _correct,
    "check_data": _check_data,
    "maintain": _maintain,
    "erase_customer": _erase,
}
STEPS: dict[str, Step] = {step.name: step.run for step in CHAIN} | BY_HAND
# Killed in warehouses of their own, and raced by `make test-long`.
APART: dict[str, Step] = {"backup": _back_up, "archive": lambda context, _: archive.run(context)}
ALL = STEPS | APART
