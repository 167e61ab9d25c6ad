"""Who judged what when: the history, and what an analyst may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.errors import InsufficientPrivilege

from jobs.common.errors import UsageError
from tests.analytics.shop import ODD, Shop, sale


def history(shop: Shop) -> list[tuple[object, ...]]:
    return shop.ask(
        "SELECT transaction_id, stock_code, old_status, new_status, notes, changed_by, quantity,"
        " median_qty, std_deviation, z_score, threshold FROM anomaly_history ORDER BY history_id"
    )


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
    with odd.session("analyst") as conn, conn, conn.cursor() as cur:
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
    with odd.session("analyst") as conn, conn, conn.cursor() as cur:
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
