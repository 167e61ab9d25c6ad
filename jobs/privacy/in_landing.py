"""A customer in the files of landing: those that wait, are done, or were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.bronze.guests import rewrite
from jobs.bronze.redaction import file_without
from jobs.common.landing import Landing, is_in_progress

if TYPE_CHECKING:
    from jobs.common.runlog import Run


def find(landing: Landing, customer: str) -> dict[str, int]:
    """How many files name the customer."""
    contents = map(landing.read, _whole(landing))
    return {"landing_files": sum(file_without(c, {customer}) != c for c in contents)}


def erase(landing: Landing, run: Run, customer: str) -> None:
    """Write the files that name the customer anew."""
    for uri in _whole(landing):
        rewrite(landing, uri, {customer}, run)


def arriving(landing: Landing) -> list[str]:
    """Files that are still being written: they are another's."""
    return [uri for uri in landing.everything() if is_in_progress(_name(uri))]


def _whole(landing: Landing) -> list[str]:
    return [uri for uri in landing.everything() if not is_in_progress(_name(uri))]


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
