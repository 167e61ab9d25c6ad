"""The digest's section about mart views that were not ready in time: which, since when, why."""

from __future__ import annotations

from datetime import datetime

from jobs.notify import words
from jobs.notify.alert import Alert
from jobs.notify.blocks import Block, Command, Figure, Heading, Issue, Paragraph
from jobs.notify.facts import LateView

LATE_STEP = Command(
    "Deliver what is missing into landing, load it, and check again.",
    "scripts/run_pipeline.sh\nscripts/run_check_readiness.sh",
)

Cause = tuple[datetime, tuple[str, ...]]


def late_alert(late: tuple[LateView, ...]) -> Alert:
    """All that a digest says of them."""
    one = len(late) == 1
    return Alert(
        counted=words.plural(len(late), "late view"),
        span=words.iso_days(late[0].due.date(), late[-1].due.date()),
        verdict=f"{words.plural(len(late), 'view')} {'was' if one else 'were'} not ready in time",
        shown=words.clean(f"{late[0].view}: {late[0].reasons[0]}", 120),
        lead=late_lead(late),
        figure=Figure(words.whole(len(late)), "late view" if one else "late views", "error"),
        blocks=tuple(late_blocks(late)),
        step=LATE_STEP,
    )


def late_lead(late: tuple[LateView, ...]) -> str:
    """When they were due, and what it means to a reader."""
    was = "The late view was" if len(late) == 1 else "The late views were"
    does = "it shows" if len(late) == 1 else "they show"
    when = words.listed([words.moment(due) for due in dict.fromkeys(view.due for view in late)])
    return f"{was} due {when}; until then {does} what was loaded before."


def late_blocks(late: tuple[LateView, ...]) -> list[Block]:
    """One issue a cause, with the views that it holds up."""
    causes: dict[Cause, list[str]] = {}
    for view in late:
        causes.setdefault((view.due, view.reasons), []).append(view.view)
    intro = Paragraph(
        "A view is ready when gold has all that it is made from, and it can be read. Each is told"
        " once a day."
    )
    issues = [_issue(cause, views) for cause, views in causes.items()]
    return [Heading("Late views", "error"), intro, *issues]


def _issue(cause: Cause, views: list[str]) -> Issue:
    due, reasons = cause
    why = "; ".join(words.clean(reason, 200) for reason in reasons)
    return Issue(
        name=", ".join(words.clean(view) for view in views),
        count=f"late since {words.moment(due)}",
        meaning=f"Why: {why}.",
        remedy="See that the source delivers it, or that the run ends; then load and check again.",
    )
