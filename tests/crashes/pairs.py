"""Pairs of jobs that share a table, told by their lineage, and the races between them."""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import NamedTuple

from jobs.common.lineage import LINEAGE
from jobs.pipeline import CHAIN
from tests.crashes.chores import prepare
from tests.crashes.drivers import PATIENCE, Ended
from tests.crashes.matrix import Matrix
from tests.crashes.steps import ALL, APART, STEPS

MOMENT = 2  # seconds that the second has while the first waits in the middle
OWN_MOMENT = PATIENCE / 2  # to itself a job must be refused, however long a busy machine takes
OPENING = "the opening of a run"

Pair = tuple[str, str]


class Race(NamedTuple):
    """How both ended, the first having waited in its middle while the second ran."""

    first: Ended
    second: Ended
    waited: bool


def sharing() -> list[Pair]:
    """The pairs, a job with itself among them; the first is the earlier in the chain."""
    jobs = [job for job in STEPS if job in LINEAGE]
    return [pair for pair in combinations_with_replacement(jobs, 2) if share(*pair)]


def apart() -> list[Pair]:
    """The jobs that are left to `make test-long`, before and after each other job."""
    jobs = [job for job in ALL if job in LINEAGE or job in APART]
    return [pair for pair in product(jobs, repeat=2) if {*pair} & {*APART}]


def others() -> list[Pair]:
    """The pairs that `sharing` leaves out: those in the other order, and those that share none."""
    jobs = [job for job in STEPS if job in LINEAGE]
    return [pair for pair in product(jobs, repeat=2) if pair not in {*sharing()}]


def share(first: str, second: str) -> bool:
    one, other = LINEAGE[first], LINEAGE[second]
    writes = set(one.writes) | set(other.writes)
    return bool(writes & {*one.reads, *one.writes} & {*other.reads, *other.writes})


def middle(points: list[str]) -> str | None:
    """A point of a run at which it holds its locks and has something under way."""
    return next((p for p in points if p.startswith("before") and OPENING not in p), None)


def race(matrix: Matrix, pair: Pair) -> Race:
    """Run both at once; what the second is refused, its next run in the chain or a race does."""
    prepare(matrix, pair[0])
    first = matrix.driver(pair[0], pause_at=middle(matrix.reached[pair[0]]))
    first.wait_for_pause()
    second = matrix.driver(pair[1], apart=True)
    second.wait(MOMENT if pair[0] != pair[1] else OWN_MOMENT)
    waited = first.orders.paused.is_set()
    ends = first.end(), second.end()
    return Race(*ends, waited)


def raced(matrix: Matrix, pairs: list[Pair]) -> dict[Pair, Race]:
    """All of them, in deliveries: each job of the chain meets one partner when it has work."""
    matrix.begin()
    for job in APART:
        if any(job in pair for pair in pairs):
            matrix.watch(job)
    races: dict[Pair, Race] = {}
    of_chain = {step.name: [p for p in pairs if p[0] == step.name] for step in CHAIN}
    while any(of_chain.values()):
        matrix.next_delivery()
        for job, left in of_chain.items():
            if left:
                pair = left.pop()
                races[pair] = race(matrix, pair)
            else:
                matrix.go(job)
    for pair in pairs:
        if pair[0] not in of_chain:
            races[pair] = race(matrix, pair)
    return races
