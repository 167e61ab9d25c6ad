"""What the digest says: subject, verdict, and which picture and tables it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from jobs.notify import words
from jobs.notify.blocks import Bars, Commands, Dots, Issue, KeyFigures, Table
from jobs.notify.digest import build, subject
from jobs.notify.facts import Facts
from jobs.notify.timeline import bars_over_time
from tests.notify import samples


def message_of(facts: Facts) -> str:
    """All commands of a message, as one text."""
    blocks = build(facts, now=samples.NOW).blocks
    return "\n".join(step.code for b in blocks if isinstance(b, Commands) for step in b.steps)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            samples.YEAR,
            "[Warehouse] 22,863 odd order lines and 905 lines in error · 2010-12-01 to 2011-12-09",
        ),
        (samples.DAY, "[Warehouse] 3 odd order lines · 2011-12-09"),
        (samples.ERRORS_ONLY, "[Warehouse] 5 lines in error · first seen 2011-12-08 to 2011-12-09"),
    ],
)
def test_subject_is_the_verdict(facts: Facts, expected: str) -> None:
    assert subject(facts) == expected


def test_one_of_each_is_singular() -> None:
    odd, errors = samples.DAY.odd, samples.ERRORS_ONLY.errors
    assert odd is not None
    assert errors is not None
    one = replace(
        samples.DAY,
        odd=replace(odd, totals=replace(odd.totals, lines=1)),
        errors=replace(errors, totals=replace(errors.totals, lines=1, units=1)),
    )
    message = build(one, now=samples.NOW)
    assert message.subject == "[Warehouse] 1 odd order line and 1 line in error · 2011-12-09"
    assert message.verdict == "1 order line is unusually large, and 1 line could not be loaded."
    assert message.lead.startswith("It was ordered on 9 December 2011")
    assert "The line in error was first seen" in message.lead


def test_nothing_new_makes_no_message() -> None:
    with pytest.raises(ValueError, match="nothing to report"):
        build(Facts(1, None, None), now=samples.NOW)


def test_a_long_span_is_drawn_over_time_and_grouped() -> None:
    message = build(samples.YEAR, now=samples.NOW)
    titles = [block.title for block in message.blocks if isinstance(block, Table)]
    assert isinstance(message.pictures[0].chart, Bars)
    assert titles == [
        "Furthest from expectation",
        "By category",
        "Products with the most odd lines",
    ]


def test_a_handful_is_listed_and_not_grouped() -> None:
    message = build(samples.DAY, now=samples.NOW)
    titles = [block.title for block in message.blocks if isinstance(block, Table)]
    assert isinstance(message.pictures[0].chart, Dots)
    assert titles == ["Furthest from expectation"]


def test_groups_add_up_to_all_odd_lines() -> None:
    message = build(samples.YEAR, now=samples.NOW)
    table = next(b for b in message.blocks if isinstance(b, Table) and b.title == "By category")
    lines = [int(row[1].text.replace(",", "")) for row in table.rows]
    assert table.rows[-1][0].text == "All others"
    assert sum(lines) == 22863
    assert sum(row[0].share or 0 for row in table.rows) == pytest.approx(1)


def test_each_rule_says_what_to_do() -> None:
    blocks = build(samples.ERRORS_ONLY, now=samples.NOW).blocks
    issues = [block for block in blocks if isinstance(block, Issue)]
    assert [issue.name for issue in issues] == ["No price in effect", "Malformed row"]
    assert all(issue.remedy and issue.example and issue.source for issue in issues)


@pytest.mark.parametrize(("rows_in", "told"), [(8120, True), (4, False), (0, False), (None, False)])
def test_a_share_of_the_loads_is_told_where_it_makes_sense(rows_in: int | None, told: bool) -> None:
    errors = samples.ERRORS
    totals = replace(errors.totals, lines=5, rows_in=rows_in)
    facts = replace(samples.ERRORS_ONLY, errors=replace(errors, totals=totals))
    assert ("of what those loads read" in build(facts, now=samples.NOW).lead) is told


def test_a_rule_we_do_not_know_is_still_told() -> None:
    errors = samples.ERRORS
    rules = (replace(errors.rules[0], rule="moon_phase", often=()),)
    facts = replace(samples.ERRORS_ONLY, errors=replace(errors, rules=rules))
    blocks = build(facts, now=samples.NOW).blocks
    assert [block.name for block in blocks if isinstance(block, Issue)] == ["Moon phase"]


def test_an_example_does_not_tell_who_bought() -> None:
    blocks = build(samples.YEAR, now=samples.NOW).blocks
    examples = [block.example for block in blocks if isinstance(block, Issue)]
    assert examples[0].startswith("invoice_no: 564051 · line_no: 1")
    assert "14265" not in " ".join(examples)


def test_commands_name_the_runs_exactly_while_they_are_few() -> None:
    assert "batch_id IN (57, 59) AND still_flagged" in message_of(samples.DAY)
    many = replace(samples.DAY, odd_runs=tuple(range(100, 140)))
    assert "batch_id BETWEEN 100 AND 139 AND still_flagged" in message_of(many)


def test_errors_alone_tell_the_units_that_are_missing() -> None:
    figures = build(samples.ERRORS_ONLY, now=samples.NOW).blocks[0]
    assert isinstance(figures, KeyFigures)
    assert [(one.value, one.label) for one in figures.figures] == [
        ("5", "lines in error"),
        ("142", "units missing from sales"),
    ]


@pytest.mark.parametrize(
    ("days", "unit", "bars"),
    [(1, "day", 1), (16, "day", 16), (17, "week", 3), (120, "month", 5), (2000, "year", 6)],
)
def test_time_axis_keeps_to_few_bars(days: int, unit: str, bars: int) -> None:
    first = date(2011, 1, 3)
    per_day = tuple((first + timedelta(days=day), 2) for day in range(days))
    found_unit, found = bars_over_time(per_day)
    assert (found_unit, len(found)) == (unit, bars)
    assert sum(bar.value for bar in found) == 2 * days


def test_time_axis_shows_days_without_findings() -> None:
    _, bars = bars_over_time(((date(2011, 1, 3), 5), (date(2011, 1, 6), 1)))
    assert [(bar.label, bar.value) for bar in bars] == [
        ("3 Jan", 5),
        ("4 Jan", 0),
        ("5 Jan", 0),
        ("6 Jan", 1),
    ]


@pytest.mark.parametrize(
    ("part", "of", "expected"),
    [
        (0, 10, "0.0 %"),
        (1, 0, "–"),
        (1, 100_000, "under 0.1 %"),
        (9999, 10_000, "99.9 %"),
        (Decimal(1), Decimal(1), "100.0 %"),
        (22863, 530711, "4.3 %"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(
    part: int | Decimal, of: int | Decimal, expected: str
) -> None:
    assert words.percent(part, of) == expected.replace(" %", "\u00a0%")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\x00\tc", "a b c"),
        ("  many   spaces ", "many spaces"),
        ("\u202eevil", "evil"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        (None, ""),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_foreign_text_is_one_clean_line(text: str | None, expected: str) -> None:
    assert words.clean(text) == expected
