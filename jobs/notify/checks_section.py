"""The digest's section about data checks that failed: which, what was found, what was expected."""

from __future__ import annotations

from jobs.notify import words
from jobs.notify.alert import Alert
from jobs.notify.blocks import Block, Command, Figure, Heading, Issue, Paragraph
from jobs.notify.facts import FailedCheck

STEP = Command("Look again, once it is put right.", "scripts/run_check_data.sh")
REMEDIES = {
    "fail": "See docs/checks.md for what the check asks and how it is put right.",
    "warn": "See whether it is meant to be so; no reader sees a wrong figure for it.",
}


def checks_alert(failed: tuple[FailedCheck, ...]) -> Alert:
    """All that a digest says of them."""
    days = [check.checked_at.date() for check in failed]
    wrong = sum(check.severity == "fail" for check in failed)
    count = words.plural(len(failed), "data check")
    return Alert(
        counted=f"{count} failed",
        span=words.iso_days(min(days), max(days)),
        verdict=f"{count} failed",
        shown=words.clean(f"{failed[0].name}: {failed[0].observed}", 120),
        lead=_lead(wrong),
        figure=Figure(
            words.whole(len(failed)),
            "failed data check" if len(failed) == 1 else "failed data checks",
            "error",
        ),
        blocks=tuple(checks_blocks(failed)),
        step=STEP,
    )


def _lead(wrong: int) -> str:
    if not wrong:
        return "What the checks found is a warning: figures are right."
    says = "says" if wrong == 1 else "say"
    return f"Of the checks {wrong} {says} that figures are wrong."


def checks_blocks(failed: tuple[FailedCheck, ...]) -> list[Block]:
    """An issue a check."""
    intro = Paragraph("A check is told when it fails in another way than at the look before.")
    return [Heading("Failed data checks", "error"), intro, *map(_issue, failed)]


def _issue(check: FailedCheck) -> Issue:
    return Issue(
        name=words.clean(check.name),
        count="failed" if check.severity == "fail" else "warning",
        meaning=f"Found: {words.clean(check.observed, 250)}."
        f" Expected: {words.clean(check.expected, 120)}.",
        remedy=REMEDIES[check.severity],
    )
