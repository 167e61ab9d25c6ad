"""Whatever arrives in whatever order, the flags are those of the rule applied to all there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given, settings

from tests.analytics.histories import Step, histories, rules
from tests.analytics.oracle import Flag, Mode, Review, Rule, Status, answer
from tests.analytics.shop import Shop

MODES: tuple[Mode, ...] = ("monthly", "all")
BEFORE_ALL = date(2009, 1, 1)


@dataclass
class Row:
    """A row of `anomalies`: its status, whether it is flagged, and the run that told of it."""

    status: Status
    flagged: bool
    run: int
    fell: bool = False


@dataclass
class Ledger:
    """What must become of the rows, by the design: gone when NEW and never mailed, else kept."""

    rows: dict[str, Row] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    reviews: list[Review] = field(default_factory=list)

    def review(self, transaction_id: str, status: Status) -> None:
        self.rows[transaction_id].status = status
        self.reviews.append((transaction_id, status))

    def mail(self) -> None:
        self.told |= {row.run for row in self.rows.values()}

    def score(self, flags: dict[str, Flag], run: int) -> int:
        """Bring the rows up to the flags; how many are news."""
        for key in [key for key, row in self.rows.items() if row.flagged and key not in flags]:
            row = self.rows[key]
            if row.status == "NEW" and row.run not in self.told and not row.fell:
                del self.rows[key]
            else:
                row.flagged, row.fell = False, True
        new = [key for key in flags if key not in self.rows or not self.rows[key].flagged]
        for key in new:
            old = self.rows.get(key)
            self.rows[key] = Row(old.status if old else "NEW", True, run, old is not None)
        return sum(self.rows[key].status == "NEW" for key in new)

    def seen(self) -> dict[str, tuple[str, bool]]:
        return {key: (row.status, row.flagged) for key, row in self.rows.items()}


def take(shop: Shop, ledger: Ledger, step: Step) -> None:
    """Let a step happen, up to the load."""
    if step.mailed:
        shop.begin_mail()
        ledger.mail()
    for share, status in step.reviews if ledger.rows else ():
        key = sorted(ledger.rows)[int(share * len(ledger.rows))]
        shop.analyst_sets(key, status)
        ledger.review(key, status)
    shop.load(*step.lines)
    if step.gone:
        shop.load(gone=step.gone)
    if step.repriced:
        shop.reprice(*step.repriced)


def close(flags: dict[str, Flag]) -> dict[str, object]:
    """The flags; figures may be off by the last bits of a double."""
    return {key: pytest.approx(vars(flag), rel=1e-14, abs=0) for key, flag in flags.items()}


def assert_as_the_rule_says(shop: Shop, ledger: Ledger, counts: dict[str, int], run: int) -> None:
    expected = answer(shop.lines.values(), ledger.reviews, shop.rule)
    news = ledger.score(expected.flags, run)
    assert {key: vars(flag) for key, flag in shop.flags().items()} == close(expected.flags)
    assert shop.coverage() == expected.coverage
    assert shop.rows() == ledger.seen()
    assert counts.get("newly_flagged", 0) == news
    assert [found for _, batch, found in shop.findings() if batch == run] == [news] * (news > 0)


@pytest.mark.parametrize("mode", MODES)
def test_after_every_batch_the_flags_are_those_of_the_whole_state(
    shop_once: Shop, mode: Mode
) -> None:
    @settings(max_examples=30)
    @given(histories(reviewed=True), rules(mode))
    def check(steps: list[Step], rule: Rule) -> None:
        shop = shop_once.clear(rule)
        ledger = Ledger()
        for step in steps:
            take(shop, ledger, step)
            run = shop.detect()
            assert_as_the_rule_says(shop, ledger, run.counts, run.run_id)
        before = shop.everything()
        shop.detect()
        shop.refresh(BEFORE_ALL, rescore_all=True)
        assert shop.everything() == before

    check()


@pytest.mark.parametrize("mode", MODES)
def test_many_batches_give_to_the_last_bit_what_one_load_gives(shop_once: Shop, mode: Mode) -> None:
    @settings(max_examples=8)
    @given(histories(reviewed=False), rules(mode))
    def check(steps: list[Step], rule: Rule) -> None:
        shop = shop_once.clear(rule)
        for step in steps:
            take(shop, Ledger(), step)
            shop.detect()
        many = shop.flags(), shop.coverage(), shop.rows(), shop.baselines()
        lines = list(shop.lines.values())
        shop.clear(rule).load(*lines)
        shop.detect()
        assert (shop.flags(), shop.coverage(), shop.rows()) == many[:3]
        # of months that no longer have a line, too
        assert shop.baselines().items() <= many[3].items()

    check()
