"""What is flagged, at the edges of the rule."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from fractions import Fraction
from random import Random

import pytest
from scipy import stats

from jobs.analytics.scoring import score
from jobs.common.db import connect
from jobs.common.errors import AlreadyRunning, UsageError
from jobs.common.runlog import run_context
from tests.analytics.oracle import Coverage, Flag, Mode, Rule, answer
from tests.analytics.shop import USUAL, Shop, sale, sales

LARGEST = 2**31 - 1
FEBRUARY = date(2010, 2, 1)


def test_ten_lines_are_enough_and_the_figures_are_told(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), sale(20, 10, "2010-02-03 10:00", line_no=7))
    shop.detect()
    columns = (
        "transaction_id, order_id, stock_code, quantity, median_qty, std_deviation, z_score,"
        " threshold, baseline_month, invoice_date = '2010-02-03 10:00+00', status,"
        " investigator_notes, still_flagged"
    )
    assert shop.ask(f"SELECT {columns} FROM anomalies") == [
        ("20-7", "20", "MUG", 10, 5.0, 2.0, 2.5, 9.0, FEBRUARY, True, "NEW", None, True)
    ]


def test_nine_lines_are_too_few_and_counted(shop: Shop) -> None:
    shop.load(*sales(1, USUAL[:9], "2010-01-05"), *sales(20, [10, 500, -7], "2010-02-03"))
    shop.detect()
    assert shop.flags() == {}
    assert shop.coverage() == {
        date(2010, 1, 1): Coverage(9, 0, 9, 0),
        FEBRUARY: Coverage(2, 0, 2, 0),
    }


def test_coverage_is_of_products_each_by_its_own_history(shop: Shop) -> None:
    shop.load(
        *sales(1, USUAL, "2010-01-05"),
        *sales(20, USUAL[:9], "2010-01-05", "CUP"),
        *[sale(30, 10, "2010-02-03"), sale(31, 4, "2010-02-03"), sale(32, 10, "2010-02-03", "CUP")],
    )
    shop.detect()
    assert shop.coverage()[FEBRUARY] == Coverage(3, 2, 1, 1)


def test_exactly_at_the_threshold_is_not_above_it(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), *sales(20, [9, 10], "2010-02-03"))
    shop.detect()
    assert shop.flagged() == ["21-1"]


def test_a_zero_deviation_counts_as_one(shop: Shop) -> None:
    shop.load(*sales(1, [3] * 10, "2010-01-05"), *sales(20, [5, 6], "2010-02-03"))
    shop.detect()
    assert shop.flags() == {"21-1": Flag(3.0, 1.0, 5.0, 3.0)}


def test_returns_are_neither_usual_nor_odd(shop: Shop) -> None:
    shop.load(
        *sales(1, USUAL[:9], "2010-01-05"),
        *sales(20, [-5] * 30, "2010-01-06"),
        *sales(60, USUAL, "2010-01-05", "CUP"),
        *sales(80, [-500, -10], "2010-01-06", "CUP"),
        *sales(90, [-500, 10], "2010-02-03", "CUP"),
        sale(95, 500, "2010-02-03"),
    )
    shop.detect()
    assert shop.flags() == {"91-1": Flag(5.0, 2.0, 9.0, 2.5)}


@pytest.mark.parametrize(
    ("count", "median", "deviation"), [(10, 5.5, 3.0276503540974917), (11, 6.0, 3.3166247903554)]
)
def test_the_median_of_an_even_and_an_odd_number_of_lines(
    shop: Shop, count: int, median: float, deviation: float
) -> None:
    shop.load(*sales(1, range(count, 0, -1), "2010-01-05"), sale(20, 90, "2010-02-03"))
    shop.detect()
    flag = shop.flags()["20-1"]
    assert (flag.median, flag.deviation) == (median, pytest.approx(deviation, rel=1e-15))


@pytest.mark.parametrize(
    ("tenth", "scored"),
    [
        ("2009-12-31 23:59:59", False),
        ("2010-01-01 00:00:00", True),
        ("2010-12-31 23:59:59", True),
        ("2011-01-01 00:00:00", False),
    ],
)
@pytest.mark.parametrize("line", ["2011-01-01 00:00:00", "2011-01-31 23:59:59"])
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_baseline_is_of_the_12_months_before_in_utc_whatever_the_session(
    shop: Shop, tenth: str, scored: bool, line: str, zone: str
) -> None:
    shop.load(
        *sales(1, USUAL[:9], "2010-06-05"), sale(10, USUAL[9], tenth), sale(20, 10, line, "MUG")
    )
    with (
        run_context(shop.settings, "detect_anomalies", ()) as run,
        run.conn,
        run.conn.cursor() as cur,
    ):
        cur.execute("SELECT set_config('timezone', %s, true)", (zone,))
        score(cur, run)
    assert shop.flags() == ({"20-1": Flag(5.0, 2.0, 9.0, 2.5)} if scored else {})
    expected = answer(shop.lines.values()).coverage
    with closing(connect(shop.settings, "reader")) as conn, conn, conn.cursor() as cur:
        cur.execute("SELECT set_config('timezone', %s, true)", (zone,))
        cur.execute("SELECT * FROM v_anomaly_coverage")
        assert {month: Coverage(*counts) for month, *counts in cur.fetchall()} == expected


def test_versions_of_a_product_share_a_history(shop: Shop) -> None:
    shop.load(
        *sales(1, USUAL[:5], "2010-06-05"),
        *sales(6, USUAL[5:], "2010-07-05"),  # another price by then
        sale(20, 10, "2010-08-05"),
    )
    assert shop.ask("SELECT count(DISTINCT product_sk) FROM fact_transactions") == [(2,)]
    shop.detect()
    assert shop.flags() == {"20-1": Flag(5.0, 2.0, 9.0, 2.5)}


def test_the_largest_quantities_are_exact(shop: Shop) -> None:
    shop.load(
        # so close together that doubles could not tell their squares apart
        *sales(1, [LARGEST - 18 + (quantity - 5) for quantity in USUAL], "2010-01-05"),
        *sales(20, [LARGEST - 14, LARGEST - 13, LARGEST], "2010-02-03"),
        *sales(30, [1, LARGEST] * 5, "2010-01-05", "CUP"),
        sale(50, LARGEST, "2010-02-03", "CUP"),
    )
    shop.detect()
    middle = float(LARGEST - 18)
    assert shop.flags() == {
        "21-1": Flag(middle, 2.0, middle + 4, 2.5),
        "22-1": Flag(middle, 2.0, middle + 4, 9.0),
    }
    assert shop.baselines()["CUP", FEBRUARY] == (
        *(10, float(2**30)),
        pytest.approx((LARGEST - 1) / 2 * (10 / 9) ** 0.5, rel=1e-15),
        True,
    )


def quantities_of(product: int, chance: Random) -> list[int]:
    """A product's lines: few or many, of one size or of all sizes."""
    top = (1, 3, 50, 10**5, LARGEST)[product % 5]
    return [chance.randint(max(1, top // 2), top) for _ in range(chance.randint(9, 40))]


def test_figures_agree_with_the_oracle_and_with_scipy(shop: Shop) -> None:
    chance = Random(1)
    usual = {f"P{n}": quantities_of(n, chance) for n in range(100)}
    for n, (code, quantities) in enumerate(usual.items()):
        shop.load(*sales(100 * n, quantities, "2010-01-05", code))
    shop.refresh(FEBRUARY)
    for code, quantities in usual.items():
        lines, median, deviation, enough = shop.baselines()[code, FEBRUARY]
        assert (lines, enough) == (len(quantities), len(quantities) >= 10)
        expected = float(stats.tstd(quantities)) if len(set(quantities)) > 1 else 1.0
        assert deviation == pytest.approx(expected, rel=1e-9)
        assert median == pytest.approx(stats.scoreatpercentile(quantities, 50), rel=1e-15)


def test_the_whole_history_is_the_baseline_the_line_and_later_ones_included(shop: Shop) -> None:
    shop.clear(Rule(mode="all"))
    shop.load(*sales(1, USUAL[:9], "2010-03-05"))
    shop.detect()
    assert shop.coverage() == {date(2010, 3, 1): Coverage(9, 0, 9, 0)}
    shop.load(sale(20, 60, "2010-01-05"))
    shop.detect()
    assert shop.flagged() == ["20-1"]
    assert shop.ask("SELECT baseline_month FROM anomalies") == [(None,)]
    shop.load(*sales(30, [60] * 4, "2012-01-05"))
    shop.detect()
    assert shop.flagged() == []
    assert shop.coverage()[date(2010, 3, 1)] == Coverage(9, 9, 0, 0)
    assert shop.coverage() == answer(shop.lines.values(), rule=shop.rule).coverage


@pytest.mark.parametrize("k", [Fraction(1, 2), Fraction(2), Fraction(5, 2)])
def test_k_is_a_setting(shop: Shop, k: Fraction) -> None:
    shop.clear(Rule(k))
    shop.load(*sales(1, USUAL, "2010-01-05"), *sales(20, range(5, 15), "2010-02-03"))
    shop.detect()
    assert len(shop.flags()) == 15 - (6 + 2 * k)  # above 5 + 2k


@pytest.mark.parametrize(("before", "after"), [("monthly", "all"), ("all", "monthly")])
def test_another_kind_of_baseline_is_refused(shop: Shop, before: Mode, after: Mode) -> None:
    shop.clear(Rule(mode=before)).load(*sales(1, [*USUAL, 50], "2010-01-05"))
    shop.detect()
    shop.load(sale(20, 70, "2010-01-05"))
    known = shop.everything()
    shop.settings = shop.settings.model_copy(update={"anomaly_baseline": after})
    for call in (shop.detect, lambda: shop.refresh(FEBRUARY)):
        with pytest.raises(UsageError, match=f"scored by '{before}'.*says '{after}'"):
            call()
    assert shop.everything() == known
    assert shop.ask("SELECT job, status FROM ops.runs ORDER BY run_id DESC LIMIT 2") == [
        ("refresh_baselines", "failed"),
        ("detect_anomalies", "failed"),
    ]


def test_lines_that_were_priced_anew_before_they_were_scored_are_scored(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"))
    shop.detect()
    shop.load(sale(20, 50, "2010-02-03"))
    shop.reprice("20-1")
    shop.detect()
    assert shop.flagged() == ["20-1"]


def test_a_run_looks_at_no_more_than_what_changed(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"), *sales(20, USUAL, "2010-01-05", "CUP"))
    shop.detect()
    shop.load(sale(40, 50, "2010-02-03"))
    counts = shop.detect().counts
    assert (counts["changes"], counts["baselines"]) == (1, 1)
    assert shop.detect().counts == {}


def test_a_late_month_reaches_12_months_ahead_and_no_further(shop: Shop) -> None:
    shop.load(
        *sales(1, USUAL[1:], "2010-06-05"),
        *sales(20, USUAL[1:], "2010-06-05", "CUP"),
        *[sale(40, 10, "2011-01-31 23:59:59"), sale(41, 10, "2011-02-01", "CUP")],
    )
    shop.detect()
    assert shop.flagged() == []
    shop.load(sale(50, 2, "2010-01-01"), sale(51, 2, "2010-01-31 23:59:59", "CUP"))
    shop.detect()
    assert shop.flagged() == ["40-1"]


def test_only_one_of_its_kind_runs_at_a_time(shop: Shop) -> None:
    shop.load(*sales(1, USUAL, "2010-01-05"))
    with run_context(shop.settings, "refresh_baselines", ("anomalies",)):
        with pytest.raises(AlreadyRunning, match="refresh_baselines"):
            shop.detect()
