"""What becomes of the rows of `anomalies`, and what the stewards are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.analytics.shop import ODD, Shop, sale, sales


def wider(shop: Shop) -> None:
    """Earlier lines arrive late; nothing of February is odd any more."""
    shop.load(*sales(100, [30, 50] * 5, "2010-01-20"))


def narrower(shop: Shop) -> None:
    """They go again."""
    shop.load(gone=[f"{number}-1" for number in range(100, 110)])


def test_a_new_row_that_nobody_was_told_of_goes(odd: Shop) -> None:
    wider(odd)
    counts = odd.detect().counts
    assert (odd.rows(), counts["no_longer_flagged"]) == ({}, 1)
    assert odd.ask("SELECT count(*) FROM anomaly_history") == [(0,)]


@pytest.mark.parametrize("status", ["SENDING", "SENT"])
def test_a_row_that_was_mailed_stays(odd: Shop, status: str) -> None:
    odd.begin_mail()
    odd.ask("UPDATE ops.mail_outbox SET status = %s", status)
    wider(odd)
    odd.detect()
    assert odd.rows() == {ODD: ("NEW", False)}


@pytest.mark.parametrize("status", ["REVIEWED", "RESOLVED", "FALSE_POSITIVE"])
def test_a_row_that_was_judged_stays(odd: Shop, status: str) -> None:
    odd.review(ODD, status)
    wider(odd)
    odd.detect()
    assert odd.rows() == {ODD: (status, False)}


def test_a_row_with_a_persons_note_stays(odd: Shop) -> None:
    odd.review(ODD, "NEW", "asked the customer")
    wider(odd)
    odd.detect()
    assert odd.rows() == {ODD: ("NEW", False)}


def test_a_line_that_went_takes_its_row_along(odd: Shop) -> None:
    odd.load(gone=[ODD])
    odd.detect()
    assert odd.rows() == {}


def test_above_again_is_news_again(odd: Shop) -> None:
    odd.begin_mail()
    wider(odd)
    odd.detect()
    first = odd.ask("SELECT anomaly_id, batch_id, alert_timestamp, created_at FROM anomalies")[0]
    narrower(odd)
    run = odd.detect()
    again = odd.ask("SELECT anomaly_id, batch_id, alert_timestamp, created_at FROM anomalies")[0]
    assert odd.rows() == {ODD: ("NEW", True)}
    assert (again[0], again[1], again[3]) == (first[0], run.run_id, first[3])
    assert again[2] > first[2]
    assert odd.findings()[1:] == [("PENDING", run.run_id, 1)]
    # it was told of once, so that it stays although the second mail was not sent
    wider(odd)
    odd.detect()
    assert odd.rows() == {ODD: ("NEW", False)}


def test_above_again_after_a_review_is_no_news(odd: Shop) -> None:
    odd.review(ODD, "REVIEWED", "known customer")
    wider(odd)
    odd.detect()
    narrower(odd)
    assert odd.detect().counts["newly_flagged"] == 0
    assert odd.rows() == {ODD: ("REVIEWED", True)}
    assert len(odd.findings()) == 1


# the outbox


def test_findings_are_counted_and_only_when_something_is_new(odd: Shop) -> None:
    [first] = odd.findings()
    assert first[::2] == ("PENDING", 1)
    odd.load(sale(30, 3, "2010-02-10"), sale(31, 4, "2010-03-10"))
    odd.detect()
    assert odd.findings() == [first]
    odd.load(*sales(40, [70, 80, 90], "2010-02-10"))
    run = odd.detect()
    assert odd.findings() == [first, ("PENDING", run.run_id, 3)]
    assert odd.ask("SELECT count(*) FROM ops.mail_outbox") == [(1,)]


def test_a_review_that_makes_lines_odd_tells_of_them(odd: Shop) -> None:
    odd.load(sale(30, 12, "2010-03-10"))
    odd.detect()
    run = odd.review(ODD, "RESOLVED")
    assert odd.findings()[1:] == [("PENDING", run.run_id, 1)]


# at the same time


@contextmanager
def meanwhile(shop: Shop) -> Iterator[None]:
    """Runs the job, which comes to wait for the block's end."""
    job = threading.Thread(target=shop.detect)
    job.start()
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    while not shop.ask(waiting, shop.settings.gold_db):
        assert job.is_alive(), "the job did not wait"
        time.sleep(0.01)
    yield
    job.join(30)
    assert not job.is_alive()


@pytest.mark.parametrize("what", ["status = 'REVIEWED'", "investigator_notes = 'asked'"])
def test_a_judgement_made_while_the_row_falls_is_not_lost(odd: Shop, what: str) -> None:
    wider(odd)
    with odd.session("analyst") as conn:
        conn.cursor().execute(f"UPDATE anomalies SET {what}")
        with meanwhile(odd):
            conn.commit()
    [(_, still_flagged)] = odd.rows().values()
    assert not still_flagged
    assert odd.ask("SELECT count(*) FROM anomaly_history") == [(1,)]


def test_a_judgement_made_while_figures_change_is_not_lost(odd: Shop) -> None:
    odd.load(sale(20, 50, "2010-02-10 12:00"), sale(30, 12, "2010-03-10"))
    with odd.session("analyst") as conn:
        conn.cursor().execute("UPDATE anomalies SET status = 'RESOLVED'")
        with meanwhile(odd):
            conn.commit()
    judged = "SELECT status, quantity FROM anomalies WHERE transaction_id = %s"
    assert odd.ask(judged, ODD) == [("RESOLVED", 50)]
    odd.detect()
    assert odd.flagged() == [ODD, "30-1"]


def test_mail_that_is_being_claimed_counts_as_told(odd: Shop) -> None:
    wider(odd)
    with odd.session("owner") as conn:
        conn.cursor().execute("UPDATE ops.mail_outbox SET status = 'SENDING'")
        with meanwhile(odd):
            conn.commit()
    assert odd.rows() == {ODD: ("NEW", False)}
