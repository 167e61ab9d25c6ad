"""What people's judgements do to thresholds."""

from __future__ import annotations

import pytest

from tests.analytics.oracle import Rule, answer
from tests.analytics.shop import ODD, USUAL, Shop, sale, sales


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
