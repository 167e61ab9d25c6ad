"""How the shop's files reach the landing directory: on time, late, and some of them twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from generators.landing import (
    TRANSACTION_COLUMNS,
    WINDOW_HOURS,
    CsvText,
    LandingFile,
    transactions_file,
)
from generators.shop.faults import Change
from generators.shop.options import FaultRates, share
from generators.shop.sales import Line

ON_TIME: Final = 1
LATE: Final = 2


@dataclass(frozen=True)
class Delivery:
    """A landing file, the wave that brings it, and the file whose bytes it repeats, if any."""

    file: LandingFile
    wave: int = ON_TIME
    repeats: str = ""


def deliver_logs(
    lines: Sequence[Line], changes: Sequence[Change], rates: FaultRates, rng: np.random.Generator
) -> list[Delivery]:
    """The transaction logs by window, with late and repeated ones; sets `source_line`."""
    by_window: dict[datetime, list[Line]] = defaultdict(list)
    for line in lines:
        by_window[line.window].append(line)
    windows = sorted(by_window)
    late = _late_windows(windows, changes, rates, rng)
    logs = {window: _log(window, by_window[window]) for window in windows}
    plain = [window for window in windows if window not in late and _repeatable(by_window[window])]
    chosen = rng.permutation(len(plain))[: share(rates.repeated_file, len(windows))]
    return [
        *(Delivery(file, LATE if window in late else ON_TIME) for window, file in logs.items()),
        *_repeats([plain[int(place)] for place in sorted(chosen)], logs),
    ]


def deliver_price_lists(
    files: Sequence[LandingFile], rates: FaultRates, rng: np.random.Generator
) -> list[Delivery]:
    """The product snapshots by day; some, never the first or the last, come late."""
    between = np.arange(1, len(files) - 1)
    late = set(rng.permutation(between)[: share(rates.late_price_list, len(between))].tolist())
    return [Delivery(file, LATE if day in late else ON_TIME) for day, file in enumerate(files)]


def _late_windows(
    windows: list[datetime], changes: Sequence[Change], rates: FaultRates, rng: np.random.Generator
) -> set[datetime]:
    """Some windows, never the last; first that of a record which a change in time overtakes."""
    count = share(rates.late_file, len(windows) - 1)
    order = [windows[int(place)] for place in rng.permutation(len(windows) - 1)] if windows else []
    overtaken = [change.first.window for change in changes[:1]]
    return set([*overtaken, *(window for window in order if window not in overtaken)][:count])


def _log(window: datetime, lines: list[Line]) -> LandingFile:
    text = CsvText(TRANSACTION_COLUMNS)
    for line in sorted(lines, key=lambda line: (line.moment, line.invoice_no, line.line_no)):
        line.source_line = text.append(line.fields or line.values())
    return transactions_file(window, text.content())


def _repeatable(lines: list[Line]) -> bool:
    """Whether the records mean the same under a later window, which the copy may give them."""
    return not any(line.rules or line.contested for line in lines)


def _repeats(windows: list[datetime], logs: dict[datetime, LandingFile]) -> Iterator[Delivery]:
    """Copies under the next free window's name, by turns in the same wave and a later one."""
    taken = set(logs)
    for number, window in enumerate(windows):
        free = window
        while free in taken:
            free += timedelta(hours=WINDOW_HOURS)
        taken.add(free)
        copy = transactions_file(free, logs[window].content)
        yield Delivery(copy, (ON_TIME, LATE)[number % 2], logs[window].name)
