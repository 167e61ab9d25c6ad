"""`scripts/run_review_anomaly.sh`, as a person calls it."""

from __future__ import annotations

import getpass

import pytest

from tests.analytics.shop import USUAL, Shop, sale, sales
from tests.scripts.runner import Result, run

SCRIPT = "run_review_anomaly.sh"


@pytest.fixture
def odd_and_usual(shop: Shop) -> Shop:
    """A shop with an odd line in February, and a line of March below its threshold."""
    shop.load(
        *sales(1, USUAL, "2010-01-05"),
        *[sale(20, 40, "2010-02-10"), sale(30, 12, "2010-03-10")],
    )
    shop.detect()
    return shop


def review(shop: Shop, *arguments: str) -> Result:
    return run(SCRIPT, *arguments, home=shop.settings.home, GOLD_DB=shop.settings.gold_db)


def test_help_says_how_to_use_it(shop: Shop) -> None:
    done = review(shop, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("Usage:", "--status", "RESOLVED", "FALSE_POSITIVE", "--dry-run", "Exit:"):
        assert word in done.stdout


def test_it_says_what_it_did_to_the_thresholds(odd_and_usual: Shop) -> None:
    done = review(odd_and_usual, "20-1", "--status", "RESOLVED", "--note", "stolen", "--who", "ann")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "20-1 (MUG, 40 units against a threshold of 9.0):",
        "  NEW -> RESOLVED, by ann",
        "thresholds of MUG, as of the month's last sale:",
        "  2010-03  26.4 -> 9.0",
        "1 lines newly flagged, 0 taken back",
    ]
    assert odd_and_usual.ask("SELECT new_status, notes, changed_by FROM anomaly_history") == [
        ("RESOLVED", "stolen", "ann")
    ]
    done = review(odd_and_usual, "20-1", "--status", "FALSE_POSITIVE")
    assert done.stdout.splitlines()[1:] == [
        f"  RESOLVED -> FALSE_POSITIVE, by {getpass.getuser()}",
        "thresholds of MUG, as of the month's last sale:",
        "  2010-03  9.0 -> 40.0",
        "0 lines newly flagged, 1 taken back",
    ]


def test_it_says_that_nothing_moved(odd_and_usual: Shop) -> None:
    done = review(odd_and_usual, "20-1", "--status", "REVIEWED", "--who", "ann")
    assert done.stdout.splitlines()[2:] == [
        "the thresholds of MUG stay as they are",
        "0 lines newly flagged, 0 taken back",
    ]


def test_it_says_which_months_can_no_longer_be_scored(odd_and_usual: Shop) -> None:
    odd_and_usual.load(*sales(40, USUAL[:9], "2011-01-05"), sale(60, 7, "2011-02-05"))
    odd_and_usual.load(gone=["30-1"])
    odd_and_usual.detect()
    done = review(odd_and_usual, "20-1", "--status", "RESOLVED", "--who", "ann")
    assert "  2011-02  27.6 -> too few lines" in done.stdout.splitlines()
    done = review(odd_and_usual, "20-1", "--status", "NEW", "--who", "ann")
    assert "  2011-02  too few lines -> 27.6" in done.stdout.splitlines()


def test_a_dry_run_says_the_same_and_writes_nothing(odd_and_usual: Shop) -> None:
    before = odd_and_usual.everything()
    done = review(odd_and_usual, "20-1", "--status", "RESOLVED", "--dry-run")
    assert done.stdout.splitlines()[3:] == [
        "  2010-03  26.4 -> 9.0",
        "1 lines newly flagged, 0 taken back (dry run: nothing was written)",
    ]
    assert odd_and_usual.everything() == before


def test_an_unknown_line_is_a_usage_error_with_a_hint(odd_and_usual: Shop) -> None:
    done = review(odd_and_usual, "99-1", "--status", "RESOLVED")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no anomaly has the transaction_id '99-1'\n")
    assert "scripts/gold_sql.sh" in done.stderr


@pytest.mark.parametrize("arguments", [["20-1"], ["20-1", "--status", "ODD"], []])
def test_a_wrong_call_is_a_usage_error(odd_and_usual: Shop, arguments: list[str]) -> None:
    done = review(odd_and_usual, *arguments)
    assert done.returncode == 2
    assert odd_and_usual.rows() == {"20-1": ("NEW", True)}
