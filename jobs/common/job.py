"""What every job shares at its edge: arguments, exit codes, and words for a person."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from jobs.common.dates import EVERY_DAY, Dates
from jobs.common.errors import UsageError, WarehouseError
from jobs.common.foreign import in_words
from jobs.common.printable import printable, printable_lines
from jobs.common.runlog import Trigger
from jobs.common.settings import Settings, get_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

console = Console(highlight=False, soft_wrap=True, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

Accept = Annotated[
    str | None,
    typer.Option(metavar='"WHY"', help="Publish what the breaker holds back, in this run alone."),
]


# What Spark's error texts say when Postgres, the metastore or the file system went away.
SIGNS_OF_AN_OUTAGE = (
    "psycopg2.OperationalError",
    "Connection refused",
    "Connection reset",
    "connection has been closed",
    "terminating connection",
    "TTransportException",
    "Unable to instantiate org.apache.hadoop.hive.ql.metadata.SessionHiveMetaStoreClient",
    "SQL is not operational",  # a metastore without its database
    "java.net.SocketTimeoutException",
    "java.net.ConnectException",
    "java.net.NoRouteToHostException",
    # HDFS: no DataNode has the block, none takes a new one, the NameNode has just started
    "BlockMissingException",
    "could only be written to 0 of",
    "All datanodes",
    "SafeModeException",
    # Spark: the master is away, or all executors went
    "All masters are unresponsive",
    "Master removed our application",
)


@dataclass(frozen=True)
class JobContext:
    """What a job is called with. `spark` is None for jobs that need none.

    `dates` limits the call to files and lines of these days; `force` does again what is done;
    `accept` says why a load is published although the breaker would hold it back.
    """

    settings: Settings
    spark: SparkSession | None = None
    trigger: Trigger = "manual"
    dry_run: bool = False
    dates: Dates = EVERY_DAY
    force: bool = False
    accept: str | None = None

    @property
    def session(self) -> SparkSession:
        """The Spark session of a job that needs one."""
        if self.spark is None:
            raise RuntimeError("this job needs a Spark session")
        return self.spark

    @property
    def parameters(self) -> dict[str, Any]:
        """What of this a run keeps, so that it can be repeated: the options that were given."""
        given = {"from": self.dates.first, "to": self.dates.last, "force": self.force,
                 "accept": self.accept}  # fmt: skip
        return {name: value for name, value in given.items() if value}


def say(text: str) -> None:
    """One line for the person who watches, whatever the names in it hold."""
    console.print(printable(text), markup=False)


def say_error(text: str) -> None:
    """An error, or the like, on stderr; what belongs to it is indented."""
    errors.print(printable_lines(text, "  "), markup=False)


def thousands(value: Any) -> str:
    """A count as people read it."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def run_main(
    name: str,
    body: Callable[[JobContext], object],
    *,
    scheduled: bool = False,
    dry_run: bool = False,
    needs_spark: bool = True,
    dates: tuple[str | None, str | None] = (None, None),
    force: bool = False,
    accept: str | None = None,
) -> None:
    """Run a job as a process: its error on stderr in words, its exit code for schedulers.

    Args:
        dates: `--from` and `--to`, as they were given.
        accept: `--accept`, as it was given.
    """

    def call() -> None:
        within = Dates.parse(*dates)
        trigger: Trigger = "schedule" if scheduled else "manual"
        _call(
            name,
            body,
            JobContext(get_settings(), None, trigger, dry_run, within, force, reason_of(accept)),
            needs_spark,
        )

    sys.exit(exit_code_of(call))


def reason_of(accept: str | None) -> str | None:
    """Why a person accepts what the breaker finds, for the record.

    Raises:
        UsageError: it says nothing.
    """
    if accept is not None and not accept.strip():
        raise UsageError("--accept says no reason", do='write why: --accept "a wholesaler, asked"')
    return accept and accept.strip()


def _call(
    name: str, body: Callable[[JobContext], object], context: JobContext, needs_spark: bool
) -> None:
    spark = None
    if needs_spark:
        from jobs.common.session import get_session

        spark = get_session(name)
    try:
        body(replace(context, spark=spark))
    finally:
        if spark is not None:
            spark.stop()


def exit_code_of(call: Callable[[], None]) -> int:
    """Call it; tell what went wrong; give the exit code."""
    try:
        call()
    except WarehouseError as error:
        errors.print(f"error: {error}", markup=False)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the edge of the process
        if meant := in_words(error):
            errors.print(f"error: {meant}", markup=False)
            return meant.exit_code
        code = code_of_foreign(error)
        if code == 1:
            say_error(traceback.format_exc())
        first, *_ = str(error).split("\n")
        say_error(f"error: {type(error).__name__}: {first}")
        return code
    return 0


def code_of_foreign(error: Exception) -> int:
    """The exit code for an error that is not of ours: 75 after an outage, else 1."""
    import psycopg2

    if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
        return 75
    text = str(error)  # of Spark's errors the cause is to be had as text alone
    return 75 if any(sign in text for sign in SIGNS_OF_AN_OUTAGE) else 1
