"""A driver is killed at each point; the next run makes the warehouse what it would have been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.crashes.drivers import KILLED
from tests.crashes.matrix import (
    Matrix,
    assert_equal,
    mail_ids,
    never_killed,
    state,
    strays,
    untold,
)
from tests.crashes.points import APART, points
from tests.notify.smtp_server import smtp_server
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow]

# Killed there, no one knows whether the server has the mail.
UNSURE = {"after the delivery of a mail", "before the end of a mail"}


@dataclass
class Told:
    """The matrix, what its warehouse then holds, and the mails that came."""

    matrix: Matrix
    state: dict[str, Rows]
    strays: list[str]
    mails: list[str]
    outbox: Rows
    untold: Rows


@pytest.fixture(scope="module")
def told(new_warehouse: Callable[..., Warehouse]) -> Iterator[Told]:
    with smtp_server() as inbox:
        warehouse = new_warehouse(**inbox.settings)
        matrix = Matrix(warehouse).run()
        matrix.end()
        yield Told(
            matrix,
            state(warehouse),
            strays(warehouse),
            mail_ids(inbox.messages),
            warehouse.gold_rows("SELECT message_id, status FROM ops.mail_outbox ORDER BY mail_id"),
            untold(warehouse),
        )


@pytest.mark.parametrize("point", points(but=APART))
def test_a_driver_killed_at_a_point_leaves_nothing_that_the_next_run_does_not_mend(
    told: Told, point: str
) -> None:
    found = [(row, seen) for row, seen in told.matrix.seen if point in {p for _, p in row}]
    assert found, f"no job of the matrix reaches the point: {point}"
    for row, seen in found:
        assert seen.exit_codes == [KILLED] * len(row)
        assert seen.staging == []
        assert seen.waiting == []
        assert seen.without_reason == []
        statuses = [row[0] for row in seen.runs]
        assert "running" not in statuses
        assert statuses.count("died") <= len(row)


def test_all_is_as_one_load_that_nobody_killed_makes_it(
    told: Told, new_warehouse: Callable[..., Warehouse]
) -> None:
    clean = never_killed(new_warehouse(), told.matrix)

    assert_equal(told.state, clean)


def test_no_mail_is_lost_and_one_sent_twice_says_so(told: Told) -> None:
    assert [status for _, status in told.outbox] == ["SENT"] * len(told.outbox)
    assert sorted(set(told.mails)) == sorted(message_id for message_id, _ in told.outbox)
    twice = {point for row, _ in told.matrix.seen for _, point in row} & UNSURE
    assert len(told.mails) == len(told.outbox) + len(twice) == len(told.outbox) + 2
    assert told.untold == []


def test_no_data_file_is_left_that_no_snapshot_knows(told: Told) -> None:
    assert told.strays == []
