"""Turns a digest's figures into a message: verdict first, then how much, what, and what to do.

Pure: no database, no clock, no settings; the same facts make the same message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from jobs.notify import words
from jobs.notify.alert import Alert
from jobs.notify.blocks import (
    Block,
    Command,
    Commands,
    Figure,
    Heading,
    KeyFigures,
    Link,
    Links,
    Message,
)
from jobs.notify.checks_section import checks_alert
from jobs.notify.errors_section import error_blocks
from jobs.notify.facts import ErrorTotals, Facts, OddTotals
from jobs.notify.held_section import held_alert
from jobs.notify.late_section import late_alert
from jobs.notify.odd_section import odd_blocks

MAX_LISTED_RUNS = 12
SQL_TOOLS = "in psql or with scripts/gold_sql.sh"
FINE_PRINT = (
    "Sent by the e-commerce warehouse to the addresses in MAIL_TO. All times are UTC;"
    " sales value is quantity × list price."
)


def build(facts: Facts, *, now: datetime, links: Iterable[Link] = ()) -> Message:
    """One message for all that is new.

    Raises:
        ValueError: there is nothing to report.
    """
    if facts.is_empty:
        raise ValueError(f"mail {facts.mail_id} has nothing to report")
    blocks: list[Block] = [KeyFigures(tuple(_key_figures(facts)))]
    for alert in alerts(facts):
        blocks += alert.blocks
    if facts.odd:
        blocks += odd_blocks(facts.odd)
    if facts.errors:
        blocks += error_blocks(facts.errors)
    blocks += _next_steps(facts)
    good_links = tuple(link for link in links if words.is_web_link(link.url))
    if good_links:
        blocks.append(Links(good_links))
    return Message(
        subject=subject(facts),
        preheader=_preheader(facts),
        eyebrow=f"Data quality digest · {words.moment(now)}",
        verdict=_verdict(facts),
        lead=_lead(facts),
        blocks=tuple(blocks),
        footer=_footer(facts),
    )


def alerts(facts: Facts) -> Iterator[Alert]:
    """What is told before the figures, the most pressing first."""
    if facts.held:
        yield held_alert(facts.held)
    if facts.failed:
        yield checks_alert(facts.failed)
    if facts.late:
        yield late_alert(facts.late)


def subject(facts: Facts) -> str:
    """[Warehouse] 3 odd order lines and 1 line in error · 2011-12-09"""
    first = list(alerts(facts))
    counts: list[str] = []
    span = first[0].span if first else ""
    if facts.errors:
        totals = facts.errors.totals
        counts = [f"{words.plural(totals.lines, 'line')} in error"]
        span = "first seen " + words.iso_days(totals.first_seen.date(), totals.last_seen.date())
    if facts.odd:
        odd = facts.odd.totals
        counts = [words.plural(odd.lines, "odd order line"), *counts]
        span = words.iso_days(odd.first_day, odd.last_day)
    counts = [*(alert.counted for alert in first), *counts]
    return f"[Warehouse] {words.listed(counts)} · {span}"


def _verdict(facts: Facts) -> str:
    parts = [alert.verdict for alert in alerts(facts)]
    if facts.odd:
        lines = facts.odd.totals.lines
        is_are = "is unusually large" if lines == 1 else "are unusually large"
        parts.append(f"{words.plural(lines, 'order line')} {is_are}")
    if facts.errors:
        could = f"{words.plural(facts.errors.totals.lines, 'line')} could not be loaded"
        parts.append(could)
    return words.listed(parts, comma=",") + "."


def _preheader(facts: Facts) -> str:
    """What an inbox shows after the subject: what is missing, the worst finding or fault."""
    for alert in alerts(facts):
        return alert.shown
    if facts.odd and facts.odd.top:
        worst = facts.odd.top[0]
        name = words.clean(worst.description or worst.stock_code, 40)
        return (
            f"Largest: {name}, {words.whole(worst.quantity)} units where at most "
            f"{words.compact(worst.threshold)} were expected."
        )
    if facts.errors and facts.errors.rules:
        rule = facts.errors.rules[0]
        return f"Mostly {rule.rule.replace('_', ' ')} ({words.plural(rule.lines, 'line')})."
    return ""


def _lead(facts: Facts) -> str:
    sentences = [alert.lead for alert in alerts(facts)]
    if facts.odd:
        sentences.append(_odd_lead(facts.odd.totals, named=bool(sentences)))
    if facts.errors:
        sentences.append(_error_lead(facts.errors.totals))
    return " ".join(sentences)


def _odd_lead(totals: OddTotals, *, named: bool) -> str:
    was = "It was" if totals.lines == 1 else "They were"
    if named:  # another sentence comes first
        was = "The odd line was" if totals.lines == 1 else "The odd lines were"
    share = ""
    if totals.sales_lines:
        part = words.percent(totals.lines, totals.sales_lines)
        share = f": {part} of the {words.plural(totals.sales_lines, 'sales line')} in that time"
    unscored = ""
    if totals.unscored:
        part = words.percent(totals.unscored, totals.sales_lines)
        unscored = f" {words.whole(totals.unscored)} ({part}) had too little history to be judged."
    return f"{was} ordered {words.days(totals.first_day, totals.last_day)}{share}.{unscored}"


def _error_lead(totals: ErrorTotals) -> str:
    seen = words.days(totals.first_seen.date(), totals.last_seen.date())
    share = ""
    # A new price list moves loaded lines here too: those were not read by these loads.
    if totals.rows_in and totals.lines <= totals.rows_in:
        share = f" ({words.percent(totals.lines, totals.rows_in)} of what those loads read)"
    what = "The line in error was" if totals.lines == 1 else "The lines in error were"
    missing = "is" if totals.lines == 1 else "are"
    return (
        f"{what} first seen {seen}{share} and {missing} missing from every sales figure"
        " until repaired."
    )


def _key_figures(facts: Facts) -> Iterable[Figure]:
    for alert in alerts(facts):
        yield alert.figure
    if facts.odd:
        totals = facts.odd.totals
        yield Figure(words.whole(totals.lines), "odd order lines", "odd")
        yield Figure(words.whole(totals.units_above), "units above expectation", "odd")
        share = words.percent(totals.amount, totals.sales_amount)
        yield Figure(
            words.whole(totals.amount), f"sales value of these lines, {share} of the total", "odd"
        )
    if facts.errors:
        errors = facts.errors.totals
        yield Figure(words.whole(errors.lines), "lines in error", "error")
        if not facts.odd:
            yield Figure(words.whole(errors.units), "units missing from sales", "error")


def _next_steps(facts: Facts) -> list[Block]:
    steps = [alert.step for alert in alerts(facts)]
    if facts.odd:
        steps.append(
            Command(f"List the odd lines, the oddest first, {SQL_TOOLS}.", _odd_sql(facts.odd_runs))
        )
        steps.append(
            Command(
                "Judge a line: RESOLVED (truly odd, leaves the baseline) or FALSE_POSITIVE"
                " (normal, raises the threshold).",
                "scripts/run_review_anomaly.sh --help",
            )
        )
    if facts.errors:
        steps.append(
            Command(
                f"List the lines in error, as they came, {SQL_TOOLS}.", _error_sql(facts.error_runs)
            )
        )
    return [Heading("Next steps"), Commands(tuple(steps))]


def _odd_sql(run_ids: tuple[int, ...]) -> str:
    return (
        "SELECT *\n"
        "FROM anomalies\n"
        f"WHERE {_of_runs(run_ids)} AND still_flagged AND status = 'NEW'\n"
        "ORDER BY z_score DESC;"
    )


def _error_sql(run_ids: tuple[int, ...]) -> str:
    return (
        "SELECT rules, transaction_id, raw, source_file, source_line\n"
        "FROM transactions_error\n"
        f"WHERE {_of_runs(run_ids)} AND status = 'OPEN'\n"
        "ORDER BY rules, transaction_id;"
    )


def _of_runs(run_ids: tuple[int, ...]) -> str:
    """Exact while the list is short; after that the span, which may take in an older finding."""
    if len(run_ids) > MAX_LISTED_RUNS:
        return f"batch_id BETWEEN {run_ids[0]} AND {run_ids[-1]}"
    return f"batch_id IN ({', '.join(map(str, run_ids))})"


def _footer(facts: Facts) -> tuple[str, ...]:
    runs = ", ".join(map(str, facts.run_ids[:MAX_LISTED_RUNS]))
    rest = len(facts.run_ids) - MAX_LISTED_RUNS
    more = f" and {rest:,} more" if rest > 0 else ""
    return (
        f"Digest {facts.mail_id}, from {'run' if runs.isdigit() else 'runs'} {runs}{more}.",
        FINE_PRINT,
    )
