"""`--from` and `--to`: what they mean, and what they refuse before anything has started."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from jobs.common.dates import EVERY_DAY, Dates, spans, whole_months
from jobs.common.errors import UsageError
from jobs.common.settings import PROJECT_ROOT

DAY = date(2025, 3, 3)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("first", "last", "inside"),
    [
        (None, None, (BEFORE, DAY, AFTER)),
        ("2025-03-03", None, (DAY, AFTER)),
        (None, "2025-03-03", (BEFORE, DAY)),
        ("2025-03-03", "2025-03-03", (DAY,)),
        (" 2025-03-04 ", "2025-03-05", (AFTER,)),
    ],
)
def test_both_ends_are_inside_and_either_may_be_open(
    first: str | None, last: str | None, inside: tuple[date, ...]
) -> None:
    dates = Dates.parse(first, last)

    assert tuple(day for day in (BEFORE, DAY, AFTER) if day in dates) == inside
    assert bool(dates) is (first is not None or last is not None)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (EVERY_DAY, "of all days"),
        (Dates(DAY, DAY), "of 2025-03-03"),
        (Dates(DAY, AFTER), "from 2025-03-03 to 2025-03-04"),
        (Dates(DAY), "from 2025-03-03"),
        (Dates(last=DAY), "to 2025-03-03"),
    ],
)
def test_a_range_in_words(dates: Dates, words: str) -> None:
    assert str(dates) == words


@pytest.mark.parametrize(
    "text", ["", "2025-02-29", "2025-3-3", "20250303", "2025-W09-1", "03/03/2025", "today"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--to is no date"):
        Dates.parse(None, text)


JOBS = (
    "pipeline.py",
    "bronze/ingest_products.py",
    "bronze/ingest_countries.py",
    "bronze/ingest_transactions.py",
    "gold/postgres_load_fact.py",
)


def call(job: str, *options: str) -> tuple[int, str]:
    """Exit code and words of a job, started without a warehouse: it must not get that far."""
    done = subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "jobs" / job), *options],
        cwd=PROJECT_ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT_ROOT), "JAVA_HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("job", JOBS)
def test_a_job_refuses_a_range_that_is_none_before_it_starts(job: str) -> None:
    code, told = call(job, "--from", "2025-03-04", "--to", "2025-03-03", "--force")

    assert (code, told) == (2, "error: --from 2025-03-04 is after --to 2025-03-03\n")


def test_a_load_refuses_dates_without_force() -> None:
    code, told = call("gold/postgres_load_fact.py", "--from", "2025-03-04")

    assert code == 2
    assert "add --force" in told


def test_months_that_follow_each_other_are_one_span() -> None:
    months = [date(2024, 11, 1), date(2024, 12, 1), date(2025, 1, 1), date(2025, 3, 1)]

    def moment(year: int, month: int) -> datetime:
        return datetime(year, month, 1, tzinfo=UTC)

    assert spans([]) == []
    assert spans(months) == [
        {"start": moment(2024, 11), "past": moment(2025, 2)},
        {"start": moment(2025, 3), "past": moment(2025, 4)},
    ]


@pytest.mark.parametrize(
    ("first", "past", "expected"),
    [
        (date(2011, 1, 1), date(2011, 3, 1), (date(2011, 1, 1), date(2011, 3, 1))),
        (date(2011, 1, 2), date(2011, 4, 7), (date(2011, 2, 1), date(2011, 4, 1))),
        (date(2010, 12, 5), date(2011, 1, 20), (date(2011, 1, 20), date(2011, 1, 20))),
        (date(2010, 12, 5), date(2011, 2, 1), (date(2011, 1, 1), date(2011, 2, 1))),
        (date(2011, 5, 1), date(2011, 5, 9), (date(2011, 5, 9), date(2011, 5, 9))),
    ],
)
def test_whole_months_are_those_within_the_days(
    first: date, past: date, expected: tuple[date, date]
) -> None:
    assert whole_months(first, past) == expected
