"""Two jobs at once: the warehouse is as after one and then the other, whoever had to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jobs.common.errors import AlreadyRunning
from tests.crashes.matrix import Matrix, assert_equal, mail_ids, never_killed, state
from tests.crashes.pairs import Pair, Race, apart, others, raced, share, sharing
from tests.notify.smtp_server import smtp_server
from tests.support.databases import Rows
from tests.support.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@dataclass
class Told:
    """The races, and what their warehouse then holds."""

    races: dict[Pair, Race]
    matrix: Matrix
    state: dict[str, Rows]
    outbox: Rows
    mails: list[str]


def race_all(warehouses: Callable[..., Warehouse], pairs: list[Pair]) -> Told:
    with smtp_server() as inbox:
        warehouse = warehouses(**inbox.settings)
        matrix = Matrix(warehouse)
        races = raced(matrix, pairs)
        matrix.end()
        return Told(
            races,
            matrix,
            state(warehouse),
            warehouse.gold_rows("SELECT message_id, status FROM ops.mail_outbox"),
            mail_ids(inbox.messages),
        )


@pytest.fixture(scope="module")
def told(new_warehouse: Callable[..., Warehouse]) -> Told:
    return race_all(new_warehouse, sharing())


@pytest.mark.parametrize("pair", sharing(), ids=" and ".join)
def test_of_two_jobs_at_once_each_ends_well_or_says_who_was_first(told: Told, pair: Pair) -> None:
    assert_won(pair, told.races[pair])


def assert_won(pair: Pair, race: Race) -> None:
    """The first by all means, and the second, or it says by whom it was refused."""
    assert race.first.code == 0, race.first.words
    if race.second.code:
        assert race.second.code == AlreadyRunning.exit_code, race.second.words
        assert f"({pair[0].split(',')[0]})" in race.second.words


def test_most_races_met_in_the_middle(told: Told) -> None:
    assert sum(race.waited for race in told.races.values()) > len(told.races) * 2 / 3


def test_a_job_is_never_two_at_once(told: Told) -> None:
    same = {pair[0]: race for pair, race in told.races.items() if pair[0] == pair[1]}
    waited = {job for job, race in same.items() if race.waited}

    assert len(waited) > len(same) / 2
    assert {same[job].second.code for job in waited} == {AlreadyRunning.exit_code}


def test_all_is_as_after_one_job_at_a_time(
    told: Told, new_warehouse: Callable[..., Warehouse]
) -> None:
    assert_equal(told.state, never_killed(new_warehouse(), told.matrix))


def test_each_mail_is_sent_once(told: Told) -> None:
    assert_sent_once(told)


@pytest.mark.long
def test_jobs_in_any_order_and_those_that_share_no_table(
    new_warehouse: Callable[..., Warehouse], record_property: Callable[[str, object], None]
) -> None:
    told = race_all(new_warehouse, others())

    for pair, race in told.races.items():
        assert_won(pair, race)
        if not share(*pair):
            assert race.second.code == 0, pair
    assert_equal(told.state, never_killed(new_warehouse(), told.matrix))
    assert_sent_once(told)
    record_property("pairs raced", len(told.races))


@pytest.mark.long
def test_no_job_meets_a_backup_or_an_archive(
    new_warehouse: Callable[..., Warehouse], record_property: Callable[[str, object], None]
) -> None:
    told = race_all(new_warehouse, apart())

    for pair, race in told.races.items():
        assert_won(pair, race)
    refused = {pair for pair, race in told.races.items() if race.second.code and race.waited}
    assert len(refused) > len(told.races) * 2 / 3
    assert_equal(told.state, never_killed(new_warehouse(), told.matrix))
    assert_sent_once(told)
    record_property("pairs raced", len(told.races))


def assert_sent_once(told: Told) -> None:
    assert sorted(told.mails) == sorted(message_id for message_id, _ in told.outbox)
    assert {status for _, status in told.outbox} == {"SENT"}
