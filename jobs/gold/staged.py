"""What a load has read and staged, for the merge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from jobs.common.archived import Archive

if TYPE_CHECKING:
    from jobs.common.dates import Dates
    from jobs.gold.corrections import Unfollowed


@dataclass(frozen=True)
class SourceFile:
    """A transactions file that gold has not taken yet, and the days of its usable lines."""

    sha256: str
    name: str
    window_start: datetime
    line_count: int
    days: tuple[date, ...] = ()

    @property
    def file_key(self) -> int:
        """First 15 hex digits of the hash as a number."""
        return int(self.sha256[:15], 16)


@dataclass(frozen=True)
class ListFile:
    """A products or countries file that gold has not taken yet."""

    dataset: str
    snapshot_date: date
    sha256: str
    name: str
    row_count: int
    revision: int = 0


@dataclass
class Staged:
    """What a run has put into staging.

    `archive`: months that left gold, `reopened` and later ones out, which this load brings back;
    `archived_ids`: staged ids of lines in it, each with the run that archived it.
    `since`: of the product versions, those alone that start or end on that day or later; `mode`:
    what products were built by; `corrected`: corrections by hand that lines have yet to follow.
    """

    files: list[SourceFile] = field(default_factory=list)
    line_count: int = 0
    products: bool = False
    countries: bool = False
    snapshots: dict[str, int] = field(default_factory=dict)
    forced: Dates | None = None
    lists: list[ListFile] = field(default_factory=list)
    since: date | None = None
    mode: str | None = None
    corrected: list[Unfollowed] = field(default_factory=list)
    archive: Archive = field(default_factory=Archive)
    reopened: date | None = None
    archived_ids: list[tuple[str, int]] = field(default_factory=list)

    @property
    def has_new_prices(self) -> bool:
        """Whether lines have yet to follow a price by hand, given or undone."""
        return any(each.kind == "price" for each in self.corrected)

    @property
    def everything(self) -> bool:
        """Whether all of bronze is staged, for gold to be held against."""
        return self.forced is not None and not self.forced
