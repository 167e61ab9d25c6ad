"""The digest's section about lines that could not be loaded: each rule, what to do, an example."""

from __future__ import annotations

from typing import Any, NamedTuple

from jobs.notify import words
from jobs.notify.blocks import Block, Heading, Issue, Paragraph
from jobs.notify.facts import Errors, ErrorTotals, RuleFacts


class Advice(NamedTuple):
    """A rule in words: its name, what it means, what to do."""

    name: str
    meaning: str
    remedy: str


_ADVICE = {
    "archived_month": Advice(
        "Archived month",
        meaning="Its month left gold for the lake's star before the line came, or the line says"
        " anew what is in such a month.",
        remedy="If it is to count, bring the month back: scripts/run_archive.sh --reopen YYYY-MM.",
    ),
    "malformed_row": Advice(
        "Malformed row",
        meaning="It cannot be read as an order line: a field is missing, the quantity is 0 or"
        " too large, or the date is impossible.",
        remedy="Correct the line at its source and send it again in a later file.",
    ),
    "unknown_country": Advice(
        "Unknown country",
        meaning="The country is not in the countries master, where names match letter by letter.",
        remedy="Add the name to the next countries file; the lines then load by themselves."
        " If the name is a typing error, correct it at its source.",
    ),
    "no_price_in_effect": Advice(
        "No price in effect",
        meaning="On the day of the order the product was not in any price list, or was withdrawn.",
        remedy="Send a products file dated on or before the order; the lines then load by"
        " themselves.",
    ),
}
_OFTEN = {"unknown_country": "country", "no_price_in_effect": "stock code"}

# Mail travels: an example shows the fault, not who bought.
_PRIVATE_FIELDS = {"customer_id"}
_ORDER = ("invoice_no", "line_no", "stock_code", "quantity", "invoice_date", "country")


def error_blocks(errors: Errors) -> list[Block]:
    """One issue a rule, the commonest first."""
    intro = Paragraph(_intro(errors.totals))
    return [
        Heading("Lines in error", "error"),
        intro,
        *(_issue(rule, errors.totals.lines) for rule in errors.rules),
    ]


def _intro(totals: ErrorTotals) -> str:
    units = f"They hold {words.plural(totals.units, 'unit')} in total."
    return (
        "They wait in transactions_error and are tried again by each load once the reference"
        f" data is there. {units}"
    )


def _issue(facts: RuleFacts, all_lines: int) -> Issue:
    advice = _ADVICE.get(facts.rule) or Advice(
        words.clean(facts.rule.replace("_", " ").capitalize()),
        meaning="The line broke this rule.",
        remedy="Look at the line, and correct it at its source.",
    )
    return Issue(
        name=advice.name,
        count=f"{words.plural(facts.lines, 'line')}, {words.percent(facts.lines, all_lines)}",
        meaning=advice.meaning,
        remedy=advice.remedy,
        often=_often(facts),
        example=_example(facts.raw),
        source=_source(facts),
    )


def _often(facts: RuleFacts) -> str:
    """Most often: country “Unspecified” (446), “RSA” (61)"""
    if not facts.often:
        return ""
    values = ", ".join(
        f"“{words.clean(value, 40)}” ({words.whole(lines)})" for value, lines in facts.often
    )
    return f"Most often: {_OFTEN.get(facts.rule, 'value')} {values}"


def _example(raw: dict[str, Any]) -> str:
    """invoice_no: 564051 · line_no: 1 · country: Unspecified"""
    known = [name for name in _ORDER if name in raw]
    others = sorted(raw.keys() - _PRIVATE_FIELDS - set(known))
    pairs = (
        f"{words.clean(key, 30)}: {words.clean(value, 60)}"
        for key, value in ((name, raw[name]) for name in (*known, *others))
        if value not in (None, "")
    )
    return words.clean(" · ".join(pairs), 220)


def _source(facts: RuleFacts) -> str:
    line = "" if facts.source_line is None else f", line {facts.source_line}"
    return f"{words.clean(facts.source_file, 100)}{line}" if facts.source_file else ""
