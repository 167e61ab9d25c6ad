"""The oracle itself: against scipy, and against cases worked out by hand."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.analytics.oracle import Coverage, Flag, Rule, answer, spread_of
from tests.analytics.shop import USUAL, sale, sales


@given(st.lists(st.integers(1, 2**31 - 1), min_size=2, max_size=40))
def test_deviation_and_median_agree_with_scipy_and_statistics(quantities: list[int]) -> None:
    spread = spread_of(quantities)
    assert float(spread.median) == statistics.median(quantities)
    if len(set(quantities)) > 1:
        assert float(spread.deviation) == pytest.approx(float(stats.tstd(quantities)), rel=1e-9)
        assert float(spread.deviation) == pytest.approx(statistics.stdev(quantities), rel=1e-15)


def test_the_z_score_is_scipys_about_the_median() -> None:
    lines = [*sales(1, range(1, 12), "2010-01-05"), sale(20, 50, "2010-02-01")]
    # about its mean, which in 1 … 11 is the median
    expected = stats.zmap([50], range(1, 12), ddof=1)[0]
    assert answer(lines).flags["20-1"].z_score == pytest.approx(expected, rel=1e-14)


def test_a_case_by_hand() -> None:
    lines = [
        *sales(1, USUAL, "2010-01-05"),
        *sales(20, [9, 10, -10], "2010-02-01"),
        sale(30, 99, "2010-02-01", "CUP"),
    ]
    found = answer(lines)
    assert found.flags == {"21-1": Flag(5.0, 2.0, 9.0, 2.5)}
    assert list(found.coverage.values()) == [Coverage(10, 0, 10, 0), Coverage(3, 2, 1, 1)]


def test_the_whole_history_counts_the_line_itself() -> None:
    lines = sales(1, [*USUAL[1:], 50], "2010-01-05")
    found = answer(lines, rule=Rule(mode="all"))
    assert list(found.flags) == ["10-1"]
    assert found.flags["10-1"].deviation == pytest.approx(statistics.stdev([*USUAL[1:], 50]))


def test_of_several_reviews_the_last_one_holds() -> None:
    lines = [
        *sales(1, USUAL, "2010-01-05"),
        *[sale(20, 40, "2010-02-01"), sale(21, 30, "2010-02-02")],
    ]
    assert list(answer(lines, [("20-1", "FALSE_POSITIVE")]).flags) == ["20-1"]
    both = [("20-1", "FALSE_POSITIVE"), ("20-1", "REVIEWED")]
    assert list(answer(lines, both).flags) == ["20-1", "21-1"]
