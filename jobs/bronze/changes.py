"""Files that change while they are read: they wait, and the others go in.

A file is hashed when it is found, and again as it is parsed, wherever that is done. When the
two differ, the commit that was under way fails whole, and is made again without that file.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jobs.bronze.intake import Intake
from jobs.bronze.reading import CHANGED
from jobs.common.landing import Landing, LandingFile, is_of_a_file

_NAMED = re.compile(rf"(\S+) {CHANGED}")


def take_whole(landing: Landing, intake: Intake, take: Callable[[Intake], None]) -> Intake:
    """Take the accepted files in one commit; those that change under it are left.

    Args:
        take: commits the accepted files of an intake of its own; it may refuse some.

    Returns:
        The intake as it was taken.
    """
    while intake.accepted:
        trial = intake.copy()
        try:
            take(trial)
        except Exception as error:
            changed = _changed(landing, intake.accepted, str(error))
            if not changed:
                raise
            intake.leave_changed(changed)
        else:
            return trial
    return intake


def _changed(landing: Landing, files: list[LandingFile], error: str) -> list[LandingFile]:
    """Files that an error is about, and all others that are no longer what they were."""
    named = set(_NAMED.findall(error))
    if not named and not is_of_a_file(error):
        return []
    now = {file.name: file.sha256 for file in landing.with_hashes(files)[0]}
    return [file for file in files if file.name in named or now.get(file.name) != file.sha256]
