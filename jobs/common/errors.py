"""Errors that a person can act on, each with the exit code that schedulers read.

0 done, 1 our own fault (a defect), 2 usage, 3 bad input data, 4 already running,
75 try again later.
"""

from __future__ import annotations

from jobs.common.printable import printable_lines


class WarehouseError(Exception):
    """What is wrong, where, and what to do about it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.do = do

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.do:
            parts.append(f"what to do: {self.do}")
        # What a part quotes is indented further: it cannot pose as another part or error.
        return "\n  ".join(printable_lines(part, "    ") for part in parts)


class UsageError(WarehouseError):
    """The call or a setting is wrong."""

    exit_code = 2


class FailedCheck(WarehouseError):
    """A check of our own work did not pass: nothing was published."""


class BadInput(WarehouseError):
    """Source data was refused; what was good has been committed."""

    exit_code = 3


class HeldBack(BadInput):
    """What came is out of its usual range: nothing was published, its files wait."""


class AlreadyRunning(WarehouseError):
    """Another run holds the lock that this one needs."""

    exit_code = 4


class TransientError(WarehouseError):
    """A service did not answer; the same call may succeed later."""

    exit_code = 75
