"""Processes of Spark that tests look for."""

from __future__ import annotations

from contextlib import suppress

import psutil


def python_workers(executor: psutil.Process) -> list[psutil.Process]:
    """Those below an executor that run our Python, and what forks them."""
    found = []
    for process in executor.children(recursive=True):
        with suppress(psutil.Error):  # a zombie, or gone
            if "pyspark.daemon" in process.cmdline():
                found.append(process)
    return found
