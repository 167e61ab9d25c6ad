"""Maintains a warehouse over and over, in a process of its own, until its input ends."""

from __future__ import annotations

import select
import sys
from datetime import UTC, datetime, timedelta

from jobs.common.contracts import BRONZE_TABLES
from jobs.common.job import JobContext
from jobs.common.session import get_session
from jobs.common.settings import load_settings
from jobs.maintain import maintain


def main() -> None:
    settings = load_settings()
    context = JobContext(settings, get_session("over and over", settings), "schedule")
    print("ready", flush=True)
    ended = False
    while not ended:  # once more after the end, so that the last load has one, too
        ended = bool(select.select([sys.stdin], [], [], 0.5)[0])
        later = datetime.now(UTC) + timedelta(days=10)
        maintain.run(context, ("compaction", "expiry"), later, BRONZE_TABLES)
    context.session.stop()


if __name__ == "__main__":
    main()
