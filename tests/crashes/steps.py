"""The jobs that are killed, as a scheduler calls them; the chain's in its order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from jobs import readiness
from jobs.analytics import refresh_baselines, review_anomaly
from jobs.analytics.review_anomaly import Review
from jobs.common.job import JobContext
from jobs.gold import replay_errors
from jobs.gold.replay_errors import Filter
from jobs.pipeline import CHAIN

Step = Callable[[JobContext, datetime], object]

REVIEWED = "odd-00-1"
MARCH_3 = datetime(2025, 3, 3, 10, tzinfo=UTC)


def _some_day(now: datetime) -> datetime:
    """Another one each second: late views are told once a day."""
    return MARCH_3 + timedelta(days=60 * now.minute + now.second)


BY_HAND: dict[str, Step] = {
    "replay_errors": lambda context, _: replay_errors.run(context, Filter()),
    "refresh_baselines": lambda context, _: refresh_baselines.run(
        context, month=date(2025, 5, 1), rescore_all=True
    ),
    "review_anomaly": lambda context, _: review_anomaly.run(
        context, Review(REVIEWED, "FALSE_POSITIVE", "a wholesaler", "tests")
    ),
    "check_readiness": lambda context, now: readiness.run(context, _some_day(now), now=now),
}
STEPS: dict[str, Step] = {step.name: step.run for step in CHAIN} | BY_HAND
