"""What people's judgements do to thresholds, rows, mail and history."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.db import transaction
from jobs.common.errors import UsageError
from tests.analytics.oracle import Rule, answer
from tests.analytics.shop import Shop, sale, sales

USUAL = [2, 2, 5, 5, 5, 5, 5, 5, 8, 8]  # median 5, sample variance 36 / 9: flagged above 9
ODD = "20-1"


@pytest.fixture
def odd(shop: Shop) -> Shop:
    """A shop with one odd line: 40 units in February, against a threshold of 9."""
    shop.load(*sales(1, USUAL, "2010-01-05"), sale(20, 40, "2010-02-10 12:00"))
    shop.detect()
    assert shop.flagged() == [ODD]
    return shop


def history(shop: Shop) -> list[tuple[object, ...]]:
    return shop.ask(
        "SELECT transaction_id, stock_code, old_status, new_status, notes, changed_by, quantity,"
        " median_qty, std_deviation, z_score, threshold FROM anomaly_history ORDER BY history_id"
    )


# RESOLVED


def test_resolved_lines_leave_later_baselines_until_they_are_new_again(odd: Shop) -> None:
    odd.load(sale(30, 12, "2010-03-10"))
    odd.detect()
    assert odd.flagged() == [ODD]  # with the 40 in it, the spread is wide
    counts = odd.review(ODD, "RESOLVED").counts
    assert odd.flagged() == [ODD, "30-1"]
    assert (counts["newly_flagged"], counts["no_longer_flagged"]) == (1, 0)
    assert odd.flags()["30-1"].threshold == 9
    counts = odd.review(ODD, "NEW").counts
    assert odd.flagged() == [ODD]
    assert (counts["newly_flagged"], counts["no_longer_flagged"]) == (0, 1)


def test_a_product_can_lose_its_baseline_to_a_review_and_get_it_back(shop: Shop) -> None:
    shop.load(
        *sales(1, USUAL, "2010-01-05"), sale(20, 40, "2010-02-10"), sale(30, 90, "2011-02-10")
    )
    shop.load(*sales(40, USUAL[:9], "2011-01-05"))
    shop.detect()
    assert shop.flagged() == [ODD, "30-1"]  # the ten of 2010-02 to 2011-01 are just enough
    shop.review(ODD, "RESOLVED")
    assert shop.flagged() == [ODD]
    assert shop.coverage() == answer(shop.lines.values(), [(ODD, "RESOLVED")]).coverage
    shop.review(ODD, "REVIEWED")
    assert shop.flagged() == [ODD, "30-1"]


def test_a_resolved_line_leaves_the_whole_history_too(shop: Shop) -> None:
    shop.clear(Rule(mode="all")).load(*sales(1, [*USUAL, *USUAL, 40], "2010-01-05"))
    shop.load(sale(30, 12, "2009-12-31"))
    shop.detect()
    assert shop.flagged() == ["21-1"]
    shop.review("21-1", "RESOLVED")
    assert shop.flagged() == ["21-1", "30-1"]


# FALSE_POSITIVE

AFTER = [
    ("2010-02-01 00:00:00", 30, True),  # before it
    ("2010-02-10 12:00:00", 30, True),  # at the same time
    ("2010-02-10 12:00:01", 40, False),
    ("2010-02-10 12:00:01", 41, True),  # above the floor
    ("2010-02-28 23:59:59", 30, False),  # the same month
    ("2011-02-10 12:00:00", 40, False),
    ("2011-02-10 12:00:01", 40, True),  # more than 12 months after it
    ("2011-02-28 23:59:59", 40, True),
]


@pytest.mark.parametrize(("when", "quantity", "flagged"), AFTER)
@pytest.mark.parametrize("known_before", [True, False])
def test_a_false_positive_is_a_floor_for_the_12_months_after_it(
    odd: Shop, when: str, quantity: int, flagged: bool, known_before: bool
) -> None:
    odd.load(*sales(30, USUAL * 3, "2010-11-05"))
    scored = sale(90, quantity, when)
    if known_before:
        odd.load(scored)
        odd.detect()
        assert "90-1" in odd.flagged()
    odd.review(ODD, "FALSE_POSITIVE")
    if not known_before:
        odd.load(scored)
        odd.detect()
    assert ("90-1" in odd.flagged()) == flagged
    assert ODD in odd.flagged()  # no floor for itself
    if quantity == 41:
        assert odd.flags()["90-1"].threshold == 40


def test_the_largest_false_positive_counts_and_only_for_its_product(odd: Shop) -> None:
    odd.load(
        *sales(50, USUAL, "2010-01-05", "CUP"),
        *[sale(30, 60, "2010-02-11"), sale(31, 55, "2010-02-12"), sale(32, 50, "2010-02-13")],
        *[sale(33, 61, "2010-02-14"), sale(70, 50, "2010-02-14", "CUP")],
    )
    odd.detect()
    for number in (ODD, "32-1", "30-1"):
        odd.review(number, "FALSE_POSITIVE")
    assert odd.flagged() == [ODD, "30-1", "33-1", "70-1"]
    assert odd.flags()["33-1"].threshold == 60
    odd.review("30-1", "REVIEWED")
    assert odd.flagged() == [ODD, "30-1", "31-1", "32-1", "33-1", "70-1"]
    assert odd.flags()["33-1"].threshold == 50


def test_a_floor_below_the_threshold_changes_nothing(odd: Shop) -> None:
    odd.load(*sales(30, [30, 60] * 5, "2010-03-05"), sale(50, 90, "2010-04-05"))
    odd.detect()
    before = odd.flags()["50-1"]
    odd.review(ODD, "FALSE_POSITIVE")
    assert odd.flags()["50-1"] == before
    assert before.threshold > 40


@pytest.mark.parametrize("when", ["2010-02-20", "2010-03-20"])
def test_a_floor_follows_the_line_it_is_of(odd: Shop, when: str) -> None:
    odd.review(ODD, "FALSE_POSITIVE")
    odd.load(sale(30, 50, when))
    odd.detect()
    assert odd.flagged() == [ODD, "30-1"]
    reviews = [(ODD, "FALSE_POSITIVE")]
    for anew in (
        sale(20, 60, "2010-02-10"),
        sale(20, 6, "2010-02-10"),
        sale(20, 60, "2010-02-10"),
        sale(20, 60, "2010-03-25"),
        sale(20, 60, "2010-02-09", "CUP"),
    ):
        odd.load(anew)
        odd.detect()
        assert odd.flagged() == sorted(answer(odd.lines.values(), reviews).flags), anew
    odd.load(sale(20, 60, "2010-02-09"))
    odd.detect()
    assert odd.flagged() == [ODD]
    odd.load(gone=[ODD])
    odd.detect()
    assert odd.flagged() == sorted(answer(odd.lines.values(), reviews).flags) == ["30-1"]


def test_a_judgement_counts_where_its_line_is_now(odd: Shop) -> None:
    odd.review(ODD, "RESOLVED")
    odd.load(*sales(50, [30, 60] * 4, "2010-01-05", "CUP"), sale(58, 30, "2010-02-01", "CUP"))
    odd.load(sale(20, 40, "2010-02-10", "CUP"), sale(70, 900, "2010-03-10", "CUP"))
    odd.detect()
    assert odd.rows() == {ODD: ("RESOLVED", False)}  # nine lines are too few
    odd.review(ODD, "NEW")
    assert odd.flagged() == ["70-1"]
    odd.review(ODD, "RESOLVED")
    assert odd.flagged() == []


# what becomes of a row


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


def test_figures_never_overwrite_what_people_wrote(odd: Shop) -> None:
    odd.review(ODD, "REVIEWED", "known customer")
    kept = "SELECT status, investigator_notes, batch_id, alert_timestamp FROM anomalies"
    before = odd.ask(kept)
    odd.load(sale(20, 50, "2010-02-11"), sale(30, 5, "2010-01-05"))
    odd.detect()
    figures = "SELECT quantity, median_qty, threshold, invoice_date FROM anomalies"
    [(quantity, median, threshold, when)] = odd.ask(figures)
    assert (quantity, median, when) == (50, 5.0, datetime(2010, 2, 11, tzinfo=UTC))
    assert threshold == pytest.approx(5 + 2 * 3.6**0.5)
    assert odd.ask(kept) == before
    assert history(odd) == [
        (ODD, "MUG", "NEW", "REVIEWED", "known customer", "ann", 40, 5.0, 2.0, 17.5, 9.0)
    ]


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


# who


def test_a_review_is_kept_with_who_when_and_the_figures(odd: Shop) -> None:
    start = datetime.now(UTC)
    odd.review(ODD, "FALSE_POSITIVE", "wholesale", who="bob")
    odd.review(ODD, "REVIEWED", who="ann")
    odd.review(ODD, "REVIEWED", "wholesale, asked again", who="ann")
    odd.review(ODD, "REVIEWED", who="eve")
    figures = (40, 5.0, 2.0, 17.5, 9.0)
    assert history(odd) == [
        (ODD, "MUG", "NEW", "FALSE_POSITIVE", "wholesale", "bob", *figures),
        (ODD, "MUG", "FALSE_POSITIVE", "REVIEWED", "wholesale", "ann", *figures),
        (ODD, "MUG", "REVIEWED", "REVIEWED", "wholesale, asked again", "ann", *figures),
    ]
    [(since,)] = odd.ask("SELECT min(changed_at) FROM anomaly_history")
    assert start - timedelta(seconds=1) < since < datetime.now(UTC)


def test_an_analysts_status_is_kept_and_rescored_by_the_next_run(odd: Shop) -> None:
    odd.load(sale(30, 12, "2010-03-01"))
    odd.detect()
    with odd.session("analyst") as conn, transaction(conn) as cur:
        cur.execute("SET timezone = 'America/Los_Angeles'")
        cur.execute("UPDATE anomalies SET status = 'RESOLVED', investigator_notes = 'theft'")
    figures = (40, 5.0, 2.0, 17.5, 9.0)
    assert history(odd) == [(ODD, "MUG", "NEW", "RESOLVED", "theft", "warehouse_analyst", *figures)]
    assert odd.flagged() == [ODD]
    assert odd.detect().counts["newly_flagged"] == 1
    assert odd.flagged() == [ODD, "30-1"]


def test_a_review_is_of_its_month_in_utc_whatever_the_session(odd: Shop) -> None:
    odd.load(sale(30, 50, "2010-03-01 00:00"), sale(31, 45, "2010-03-31 23:59:59"))
    odd.detect()
    odd.review(ODD, "RESOLVED")
    with odd.session("analyst") as conn, transaction(conn) as cur:
        cur.execute("SET timezone = 'America/Los_Angeles'")
        cur.execute("UPDATE anomalies SET status = 'FALSE_POSITIVE' WHERE quantity = 50")
    assert odd.ask("SELECT month::text, reason FROM ops.sales_changes") == [
        ("2010-03-01", "review")
    ]
    odd.detect()
    assert odd.flagged() == [ODD, "30-1"]


def test_a_note_alone_is_kept_and_rescores_nothing(odd: Shop) -> None:
    odd.ask("UPDATE anomalies SET investigator_notes = 'asked'", role="analyst")
    odd.ask("UPDATE anomalies SET investigator_notes = 'asked'", role="analyst")
    assert len(history(odd)) == 1
    assert odd.ask("SELECT count(*) FROM ops.sales_changes") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE anomalies SET threshold = 1",
        "UPDATE anomalies SET still_flagged = false",
        "UPDATE anomalies SET status = 'REVIEWED', quantity = 1",
        "DELETE FROM anomalies",
        "INSERT INTO anomalies (transaction_id) VALUES ('1-1')",
        "UPDATE anomaly_history SET changed_by = 'bob'",
        "DELETE FROM anomaly_history",
        "UPDATE anomaly_baselines SET median_qty = 1",
        "DELETE FROM ops.sales_changes",
    ],
)
def test_an_analyst_changes_nothing_else(odd: Shop, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        odd.ask(statement, role="analyst")


def test_a_line_that_was_never_flagged_cannot_be_judged(odd: Shop) -> None:
    before = odd.everything()
    with pytest.raises(UsageError, match="no anomaly has the transaction_id '1-1'"):
        odd.review("1-1", "RESOLVED")
    assert odd.everything() == before


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
    assert len(history(odd)) == 1


def test_a_judgement_made_while_figures_change_is_not_lost(odd: Shop) -> None:
    odd.load(sale(20, 50, "2010-02-10 12:00"), sale(30, 12, "2010-03-10"))
    with odd.session("analyst") as conn:
        conn.cursor().execute("UPDATE anomalies SET status = 'RESOLVED'")
        with meanwhile(odd):
            conn.commit()
    assert odd.ask("SELECT status, quantity FROM anomalies") == [("RESOLVED", 50)]
    odd.detect()
    assert odd.flagged() == [ODD, "30-1"]


def test_mail_that_is_being_claimed_counts_as_told(odd: Shop) -> None:
    wider(odd)
    with odd.session("owner") as conn:
        conn.cursor().execute("UPDATE ops.mail_outbox SET status = 'SENDING'")
        with meanwhile(odd):
            conn.commit()
    assert odd.rows() == {ODD: ("NEW", False)}
