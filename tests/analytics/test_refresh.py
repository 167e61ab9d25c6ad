"""Baselines ahead, everything anew, and runs that only say what they would do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from jobs.analytics.refresh_baselines import parse_month
from jobs.common.errors import UsageError
from jobs.common.runlog import Run
from tests.analytics.oracle import Flag, Rule, answer
from tests.analytics.shop import USUAL, Shop, sale, sales

FEBRUARY, MARCH = date(2010, 2, 1), date(2010, 3, 1)


def batches(shop: Shop, month: date | None = MARCH) -> list[int]:
    """Which runs computed a month's baselines."""
    rows = shop.ask("SELECT DISTINCT batch_id FROM anomaly_baselines WHERE month = %s", month)
    return [batch for (batch,) in rows]


def with_rule(shop: Shop, rule: Rule) -> Shop:
    """The same shop under a changed setting."""
    shop.settings = shop.settings.model_copy(
        update={"anomaly_k": float(rule.k), "anomaly_min_lines": rule.min_lines}
    )
    return shop


def test_a_month_computed_ahead_is_used_as_it_is(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), *sales(20, USUAL[:4], "2009-03-01", "CUP"))
    shop.load(*sales(40, USUAL, "2009-02-28", "FORK"), *sales(60, [-1], "2010-01-01", "BOX"))
    shop.detect()
    ahead = shop.refresh(MARCH.replace(day=17))
    assert ahead.counts["baselines"] == 2
    known = shop.baselines()
    assert known["MUG", MARCH] == (10, 5.0, 2.0, True)
    assert known["CUP", MARCH] == (4, 3.5, pytest.approx(3**0.5), False)
    assert ("FORK", MARCH) not in known
    shop.load(sale(80, 10, "2010-03-02"))
    assert shop.detect().counts["baselines"] == 0
    assert shop.flags() == {"80-1": Flag(5.0, 2.0, 9.0, 2.5)}
    assert batches(shop) == [ahead.run_id]


@pytest.mark.parametrize("late", ["2009-03-01", "2010-02-28"])
def test_a_month_computed_ahead_follows_late_lines(shop: Shop, late: str) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"))
    shop.detect()
    shop.refresh(MARCH)
    shop.load(*sales(20, [30, 50] * 5, late))
    shop.detect()
    assert shop.baselines()["MUG", MARCH][0] == 20
    shop.load(*sales(40, [10, 90], "2010-03-02"))
    shop.detect()
    assert shop.flagged() == sorted(answer(shop.lines.values()).flags)
    shop.load(gone=list(shop.lines))
    shop.detect()
    assert shop.baselines()["MUG", MARCH] == (0, 0.0, 1.0, False)
    assert (shop.rows(), shop.coverage()) == ({}, {})


def test_computing_ahead_again_changes_nothing(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"))
    shop.detect()
    shop.refresh(MARCH)
    before = shop.everything()
    shop.refresh(MARCH)
    assert shop.everything() == before


def test_changes_that_wait_are_worked_off_on_the_way(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), sale(20, 10, "2010-02-03"))
    assert shop.refresh(MARCH).counts["newly_flagged"] == 1
    assert shop.detect().counts == {}


@pytest.mark.parametrize("rule", [Rule(Fraction(1)), Rule(Fraction(5)), Rule(min_lines=4)], ids=str)
def test_after_a_changed_setting_all_can_be_scored_anew(shop: Shop, rule: Rule) -> None:
    shop.load(
        *sales(1, USUAL, "2010-01-05"),
        *sales(20, USUAL[:5], "2010-01-05", "CUP"),
        *sales(30, range(5, 20), "2010-02-03"),
        *sales(50, range(5, 20), "2010-02-03", "CUP"),
    )
    shop.detect()
    shop.refresh(MARCH)
    with_rule(shop, rule).refresh(MARCH, rescore_all=True)
    expected = answer(shop.lines.values(), rule=rule)
    assert shop.flagged() == sorted(expected.flags)
    assert shop.coverage() == expected.coverage
    shop.load(sale(70, 30, "2010-03-03"), sale(71, 30, "2010-03-03", "CUP"))
    shop.detect()
    assert shop.flagged() == sorted(answer(shop.lines.values(), rule=rule).flags)


def test_a_setting_counts_for_months_ahead_whose_product_has_no_lines_in_between(
    shop: Shop,
) -> None:
    shop.load(*sales(1, USUAL[:5], "2010-01-05"))
    shop.detect()
    shop.refresh(MARCH)
    with_rule(shop, Rule(min_lines=5)).refresh(FEBRUARY, rescore_all=True)
    shop.load(sale(70, 30, "2010-03-03"))
    shop.detect()
    assert shop.flagged() == ["70-1"]


def test_scoring_all_anew_changes_nothing_by_itself(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), *sales(20, [9, 10, 40], "2010-02-03"))
    shop.load(sale(30, 20, "2010-03-03"), sale(31, 80, "2010-03-04"))
    shop.detect()
    shop.review("22-1", "RESOLVED", "stolen")
    shop.review("30-1", "FALSE_POSITIVE")
    shop.begin_mail()
    before = shop.everything()
    counts = shop.refresh(MARCH, rescore_all=True).counts
    assert shop.everything() == before
    assert (counts["newly_flagged"], counts["no_longer_flagged"]) == (0, 0)


DRY_RUNS: dict[str, Callable[[Shop], Run]] = {
    "detect": lambda shop: shop.detect(dry_run=True),
    "refresh": lambda shop: shop.refresh(MARCH, dry_run=True),
    "rescore all": lambda shop: shop.refresh(MARCH, rescore_all=True, dry_run=True),
    "review": lambda shop: shop.review("20-1", "RESOLVED", "odd", dry_run=True),
}


@pytest.mark.parametrize("name", DRY_RUNS)
def test_a_dry_run_writes_nothing(
    shop: Shop, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), sale(20, 40, "2010-02-03"))
    shop.detect()
    shop.load(sale(30, 12, "2010-03-03"), sale(31, 70, "2010-02-03"))
    before = shop.everything()
    run = DRY_RUNS[name](shop)
    assert shop.everything() == before
    assert "would" in (said := capsys.readouterr().out) or "nothing was written" in said
    status = "SELECT status FROM ops.runs WHERE run_id = %s"
    assert shop.ask(status, run.run_id) == [("done",)]
    shop.detect()
    assert "31-1" in shop.flagged()


@pytest.mark.parametrize(
    ("text", "month"), [("2011-12", date(2011, 12, 1)), (None, date(2012, 3, 4))]
)
def test_a_month_is_read(text: str | None, month: date) -> None:
    assert parse_month(text, datetime(2012, 3, 4, tzinfo=UTC)) == month


@pytest.mark.parametrize("text", ["2011", "2011-13", "12-2011", "2011-12-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="YYYY-MM"):
        parse_month(text, datetime(2012, 3, 4, tzinfo=UTC))
