"""Errors of Spark, Postgres and the system that a person can act on, in words of ours."""

from __future__ import annotations

import errno

from jobs.common.errors import TransientError, WarehouseError

SIGNS_OF_NO_ROOM = (
    "No space left on device",
    "Disk quota exceeded",
    "DSQuotaExceededException",
    "NSQuotaExceededException",
)
OF_POSTGRES = "psycopg2.errors"
# Iceberg takes no commit that is dated more than a minute before the last one.
SIGNS_OF_A_CLOCK_BEHIND = (
    "Expected sorted snapshot log entries",
    "Expected sorted previous metadata log entries",
    "Invalid update timestamp",
)


SIGN_OF_A_DEAD_WORKER = "Python worker exited unexpectedly"


def in_words(error: BaseException) -> WarehouseError | None:
    """What an error means, where we know it; None where we don't."""
    text = str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return _no_room(str(getattr(error, "filename", None) or ""))
    if any(sign in text for sign in SIGNS_OF_NO_ROOM):
        return _no_room("the disk of Postgres" if OF_POSTGRES in f"{type(error)} {text}" else "")
    if any(sign in text for sign in SIGNS_OF_A_CLOCK_BEHIND):
        return TransientError(
            "the clock went back: the table's last commit is more than a minute ahead of it",
            where="the clock of the machine on which the job runs",
            do="set it right, or wait until it has caught up; nothing was written or lost",
        )
    if SIGN_OF_A_DEAD_WORKER in text:
        return TransientError(
            "Python processes that worked for Spark were killed, again and again",
            where="the executors; with SPARK_MASTER=local, this machine",
            do="see whether memory ran out there, then start again; nothing was lost",
        )
    return None


def _no_room(where: str) -> TransientError:
    return TransientError(
        "there is no room left to write: a disk or a quota is full",
        where=where or "the file system of the lake, of landing, or Spark's scratch directory",
        do="make room and start again; what was not committed is read anew, nothing is lost",
    )
