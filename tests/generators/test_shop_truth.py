"""What the shop's truth says is what another reader finds in its files."""

import json
from datetime import date, datetime
from pathlib import Path
from statistics import median, stdev
from typing import Any

import pytest

from generators.shop import FaultRates, Shop, ShopOptions, build_shop, write_shop
from generators.shop.faults import MALFORMED, WITHOUT_ID
from tests.generators.brute_force import Gold, gold_of

NO_FAULTS = FaultRates(**dict.fromkeys(FaultRates.__dataclass_fields__, 0.0))


def read(shop: Shop) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(shop.truth)
    return parsed


def assert_holds(truth: dict[str, Any], gold: Gold) -> None:
    """What the truth says of the files is what another reader finds in them."""
    planted = {
        (each["source_file"], each["source_line"]): each["rules"] for each in truth["errors"]
    }
    assert planted == gold["errors"]
    totals = truth["totals"]
    assert totals["errors_by_rule"] == gold["errors_by_rule"]
    assert totals["errors"] == len(planted)
    for same in ("lines_in", "superseded", "products", "product_versions"):
        assert totals[same] == gold[same], same
    lines = gold["loaded"].values()
    assert totals["loaded"] == len(lines)
    assert totals["units"] == sum(int(fields[3]) for fields in lines)
    assert totals["revenue"] == f"{sum(gold['amounts'].values()):.4f}"
    assert totals["return_lines"] == sum(fields[3].startswith("-") for fields in lines)
    assert totals["guest_lines"] == sum(not fields[5] for fields in lines)
    assert totals["customers"] == len({fields[5] for fields in lines} - {""})
    refused = [(each["source_file"], each["source_line"]) for each in truth["rejected_rows"]]
    assert refused == gold["refused"]
    assert totals["rejected_rows"] == len(refused)


def test_the_files_hold_what_the_truth_says(truth: dict[str, Any], gold: Gold) -> None:
    assert_holds(truth, gold)


@pytest.mark.parametrize(
    "options",
    [
        ShopOptions(seed=1, days=1, scale=0.1),
        ShopOptions(seed=2, days=3, scale=0.02),
        ShopOptions(seed=3, days=40, scale=0.2, start=date(2024, 2, 1)),
        ShopOptions(seed=4, days=45, scale=0.1, start=date(2025, 12, 15)),
        ShopOptions(seed=5, days=20, scale=0.3, rates=FaultRates(changed=0.3, late_file=0.5)),
        ShopOptions(seed=6, days=20, scale=0.3, rates=FaultRates(malformed=0.5, no_price=0.4)),
        ShopOptions(seed=7, days=20, rates=FaultRates(repeated_file=1.0, late_line=0.2)),
        ShopOptions(seed=8, days=20, rates=NO_FAULTS, country_drift=False),
    ],
)
def test_so_do_those_of_other_shops(options: ShopOptions, tmp_path: Path) -> None:
    shop = build_shop(options)
    write_shop(shop, tmp_path)
    assert_holds(read(shop), gold_of(tmp_path))


def test_every_fault_is_planted(truth: dict[str, Any]) -> None:
    faults = {each["fault"] for each in truth["errors"]}
    assert set(MALFORMED) <= faults
    assert {"unknown_country", "never_listed", "before_first_listing"} <= faults
    for planted in (
        "repeated_files",
        "late_lines",
        "changed_lines",
        "outliers",
        "rejected_rows",
        "duplicate_codes",
        "country_drift",
        "hostile_products",
    ):
        assert truth[planted], planted


def test_some_lines_break_two_rules(truth: dict[str, Any]) -> None:
    assert ["no_price_in_effect", "unknown_country"] in [each["rules"] for each in truth["errors"]]


def test_a_shop_without_faults_loads_every_line() -> None:
    truth = read(build_shop(ShopOptions(days=35, rates=NO_FAULTS, country_drift=False)))
    assert truth["totals"]["loaded"] == truth["totals"]["lines_in"] > 5000
    assert {each["wave"] for each in truth["files"]} == {1}
    assert not any(truth[kind] for kind in ("errors", "outliers", "rejected_rows", "country_drift"))


def test_errors_without_an_id_are_told_by_place_alone(truth: dict[str, Any]) -> None:
    for each in truth["errors"]:
        assert (each["transaction_id"] is None) == (each["fault"] in WITHOUT_ID)


def test_changed_lines_end_with_the_later_file_s_quantity(
    truth: dict[str, Any], gold: Gold
) -> None:
    for each in truth["changed_lines"]:
        assert gold["loaded"][each["transaction_id"]][3] == str(each["quantity"])
        assert each["quantity"] != each["superseded_quantity"]
        assert each["source_file"] > each["superseded_file"]


def test_a_record_that_loses_comes_in_a_later_wave_than_its_winner(truth: dict[str, Any]) -> None:
    wave = {each["file"]: each["wave"] for each in truth["files"]}
    assert any(
        wave[each["superseded_file"]] > wave[each["source_file"]] for each in truth["changed_lines"]
    )


def test_repeats_have_the_bytes_of_their_original_and_a_later_window(truth: dict[str, Any]) -> None:
    sha = {each["file"]: each["sha256"] for each in truth["files"]}
    for each in truth["repeated_files"]:
        assert sha[each["file"]] == sha[each["repeats"]]
        assert each["file"] > each["repeats"]
    distinct = {each["sha256"] for each in truth["files"] if each["kind"] == "transactions"}
    logs = sum(each["kind"] == "transactions" for each in truth["files"])
    assert logs - len(distinct) == len(truth["repeated_files"])


def test_a_repeat_means_the_same_under_either_name(truth: dict[str, Any]) -> None:
    repeated = {each["repeats"] for each in truth["repeated_files"]}
    judged = truth["errors"] + truth["changed_lines"]
    assert repeated.isdisjoint(each["source_file"] for each in judged)
    assert repeated.isdisjoint(each["superseded_file"] for each in truth["changed_lines"])


def test_late_lines_stand_in_a_later_file_than_their_time(
    truth: dict[str, Any], gold: Gold
) -> None:
    for each in truth["late_lines"]:
        dated = datetime.fromisoformat(gold["loaded"][each["transaction_id"]][4])
        own = f"transactions_{dated:%Y%m%d}T{dated.hour // 4 * 4:02}00.csv"
        assert each["source_file"] > own


def sold_before(gold: Gold, month: str, code: str) -> list[int]:
    return [
        int(fields[3])
        for fields in gold["loaded"].values()
        if fields[2].upper() == code and int(fields[3]) > 0 and fields[4] < month
    ]


def test_outliers_are_far_above_a_long_history(truth: dict[str, Any], gold: Gold) -> None:
    for each in truth["outliers"]:
        _, _, code, quantity, moment, *_ = gold["loaded"][each["transaction_id"]]
        history = sold_before(gold, "2025-04", code.upper())
        assert moment >= "2025-04"
        assert len(history) >= 30
        assert int(quantity) == each["quantity"] > median(history) + 20 * (stdev(history) or 1)


def test_few_other_lines_stand_out(truth: dict[str, Any], gold: Gold) -> None:
    april = [fields for fields in gold["loaded"].values() if fields[4] >= "2025-04"]
    codes = {fields[2].upper() for fields in april}
    history = {code: sold_before(gold, "2025-04", code) for code in codes}
    scored = [fields for fields in april if len(history[fields[2].upper()]) >= 10]
    assert len(scored) > 0.5 * len(april)
    limits = {code: median(sold) + 2 * stdev(sold) for code, sold in history.items() if sold[9:]}
    flagged = sum(int(fields[3]) > limits[fields[2].upper()] for fields in scored)
    assert len(truth["outliers"]) < flagged < 0.08 * len(scored)


def test_outliers_need_a_month_before() -> None:
    assert read(build_shop(ShopOptions(days=31)))["outliers"] == []
