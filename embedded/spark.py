"""Where Spark is: inside the pyspark package of the running Python."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from jobs.common.errors import UsageError


def spark_home() -> Path:
    """The directory above `bin/spark-submit`.

    Raises:
        UsageError: pyspark isn't installed.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise UsageError("pyspark is not installed", do="make setup")
    return Path(spec.origin).parent
