"""Every job killed at every point that it reaches, and all that it needs killed under it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any

import pytest

from jobs.common.db import connect
from jobs.notify import outbox
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
from tests.crashes.points import in_every_job
from tests.crashes.steps import BY_HAND
from tests.crashes.victims import VICTIMS
from tests.notify.smtp_server import smtp_server
from tests.support.warehouse import Warehouse

SENT = "SELECT message_id FROM ops.mail_outbox WHERE status = 'SENT'"

pytestmark = [pytest.mark.spark, pytest.mark.long]


@pytest.mark.parametrize("part", ["chain", "by hand"])
@pytest.mark.parametrize(("victim", "needed_by"), VICTIMS, ids=[v.__name__ for v, _ in VICTIMS])
def test_a_kill_at_any_point_of_a_job_changes_nothing_in_the_end(
    new_warehouse: Callable[..., Warehouse],
    victim: Callable[[Warehouse], Any],
    needed_by: Collection[str],
    part: str,
    record_property: Callable[[str, object], None],
) -> None:
    jobs = [job for job in needed_by if (job in BY_HAND) == (part == "by hand")]
    with smtp_server() as inbox:
        warehouse = new_warehouse(**inbox.settings)
        with victim(warehouse) as killed:
            matrix = Matrix(warehouse, killed).run(jobs, in_every_job)
        matrix.end()
        sent = set(mail_ids(inbox.messages))
    found = state(warehouse)

    assert {row[0][0] for row, _ in matrix.seen} == {*jobs}
    for row, seen in matrix.seen:
        assert {*seen.exit_codes} <= {*(killed.codes if killed else [KILLED])}, row
        assert (seen.staging, seen.waiting, seen.without_reason) == ([], [], []), row
    assert strays(warehouse) == []
    assert {row[0] for row in warehouse.gold_rows(SENT)} == sent
    with closing(connect(warehouse.settings)) as conn:
        assert outbox.next_mail(conn) is None  # what is left has nothing to tell any more
    assert untold(warehouse) == []
    assert_equal(found, never_killed(new_warehouse(), matrix))
    assert killed is None or matrix.hits > 0
    record_property("points killed", sum(len(row) for row, _ in matrix.seen))
    record_property("processes killed", matrix.hits or len(matrix.seen))
