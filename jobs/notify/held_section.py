"""The digest's section about a load that the circuit breaker holds back: what, and since when."""

from __future__ import annotations

from jobs.notify import words
from jobs.notify.alert import Alert
from jobs.notify.blocks import Block, Command, Figure, Heading, Issue, Paragraph
from jobs.notify.facts import HeldBack

MAX_ISSUES = 12
MAX_FILES = 3
STEP = Command(
    "If it is right, publish it all the same, in one run; the reason is recorded.",
    'scripts/run_fact_postgres.sh --accept "why"',
)


def held_alert(held: tuple[HeldBack, ...]) -> Alert:
    """All that a digest says of it."""
    days = [trip.first_seen.date() for trip in held]
    count = words.plural(len(held), "finding")
    return Alert(
        counted=f"{count} of the breaker",
        span=words.iso_days(min(days), max(days)),
        verdict=f"{count} {'holds' if len(held) == 1 else 'hold'} a load back",
        shown=words.clean(held[0].observed, 120),
        lead="What that load brings is not published: its files wait in bronze until later files"
        " correct their lines, or someone accepts them.",
        figure=Figure(
            words.whole(len(held)), "finding of the breaker" if len(held) == 1
            else "findings of the breaker", "error",
        ),
        blocks=tuple(held_blocks(held)),
        step=STEP,
    )  # fmt: skip


def held_blocks(held: tuple[HeldBack, ...]) -> list[Block]:
    """An issue a finding."""
    intro = Paragraph(
        "The input is out of its usual range, so nothing of the load is published. Each finding is"
        " told once, and holds until a load finds it right."
    )
    rest = len(held) - MAX_ISSUES
    more = [Paragraph(f"And {rest:,} more, in ops.breaker_trips.")] if rest > 0 else []
    issues = [_issue(trip) for trip in held[:MAX_ISSUES]]
    return [Heading("Load held back", "error"), intro, *issues, *more]


def _issue(trip: HeldBack) -> Issue:
    names = [words.clean(name) for name in trip.files[:MAX_FILES]]
    rest = len(trip.files) - MAX_FILES
    more = f" and {rest:,} more" if rest > 0 else ""
    return Issue(
        name=", ".join(names) + more if names else words.clean(trip.subject),
        count=f"held since {words.moment(trip.first_seen)}",
        meaning=f"Found: {words.clean(trip.observed, 250)}. Allowed: {words.clean(trip.expected)}.",
        remedy="Ask the source. Deliver corrected lines in a file of a later window, or accept it.",
    )
