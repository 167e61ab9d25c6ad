"""Mails the data stewards what is new: odd order lines, and lines that could not be loaded.

Grain: one e-mail an outbox row (`ops.mail_outbox`), told once. The server may see a mail
twice only when we died between its answer and our commit; the Message-ID is then the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from psycopg2.extensions import connection as Connection

from jobs.common.db import connect
from jobs.common.job import JobContext, run_main, say
from jobs.common.points import effect
from jobs.common.runlog import Run, run_context
from jobs.common.settings import Settings
from jobs.notify import digest, outbox
from jobs.notify.blocks import Link, Message
from jobs.notify.deliver import deliver
from jobs.notify.envelope import Rendered, pack
from jobs.notify.facts import Facts
from jobs.notify.read import read_facts
from jobs.notify.render_html import render_html
from jobs.notify.render_text import render_text

JOB = "send_mail"
LOCKS = ("mail",)


@dataclass(frozen=True)
class Outcome:
    """The mails that the server took, and the recipients that it refused."""

    sent: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()


def extract(connection: Connection, mail_id: int) -> Facts:
    """The figures of one outbox row, as gold has them now."""
    return read_facts(connection, mail_id)


def transform(facts: Facts, *, now: datetime, links: tuple[Link, ...] = ()) -> Message:
    """The message that tells of them."""
    return digest.build(facts, now=now, links=links)


def load(
    settings: Settings, message: Message, message_id: str, *, now: datetime
) -> tuple[str, ...]:
    """Hand the message to the mail server; returns the recipients that it refused.

    Raises:
        TransientError: the server doesn't take it now.
        UsageError: the server refuses for good, or a mail setting is wrong.
    """
    email = pack(
        render(message),
        message_id=message_id,
        sender=settings.mail_from,
        to=settings.recipients,
        now=now,
    )
    with effect("the delivery of a mail"):
        return deliver(settings, email)


def run(context: JobContext, *, now: datetime) -> Outcome:
    """Send all that is due. With nothing new, nothing is sent and nothing written.

    Raises:
        AlreadyRunning: another sender is at it.
        TransientError: the server doesn't take it now; the mail is kept and tried again.
        UsageError: the server refuses for good, or a mail setting is wrong; the mail is kept.
    """
    if context.dry_run or not _is_mail_due(context.settings):
        _preview(context.settings, now=now)
        return Outcome()
    with run_context(context.settings, JOB, LOCKS, trigger=context.trigger) as record:
        outcome = _send_all(record, now=now)
        record.counts.update(sent=len(outcome.sent), refused=len(outcome.refused))
    say(f"mail: {len(outcome.sent)} sent")
    return outcome


def render(message: Message) -> Rendered:
    """The message in every form that travels."""
    from jobs.notify.chart import png  # matplotlib takes a second, and most runs send no mail

    return Rendered(
        subject=message.subject,
        html=render_html(message),
        text=render_text(message),
        pictures={picture.cid: png(picture.chart) for picture in message.pictures},
    )


def _is_mail_due(settings: Settings) -> bool:
    connection = connect(settings)
    try:
        return outbox.next_mail(connection) is not None
    finally:
        connection.close()


def _preview(settings: Settings, *, now: datetime) -> None:
    """Show the next mail as text; claims and sends nothing."""
    connection = connect(settings)
    try:
        mail_id = outbox.next_mail(connection)
        if mail_id is None:
            say("mail: nothing new, nothing sent")
            return
        message = transform(extract(connection, mail_id), now=now, links=links_of(settings))
    finally:
        connection.close()
    for line in [f"Subject: {message.subject}", "", *render_text(message).split("\n")]:
        say(line)


def links_of(settings: Settings) -> tuple[Link, ...]:
    """The buttons at the end of a mail, as far as they are set."""
    links = (
        Link("Open the dashboard", settings.link_dashboard),
        Link("See the runs", settings.link_runs),
    )
    return tuple(link for link in links if link.url)


def _send_all(record: Run, *, now: datetime) -> Outcome:
    """The first failure ends it: what is pending then keeps gathering in one mail."""
    sent: list[int] = []
    refused: list[str] = []
    for mail_id in _due(record.conn):
        mail = outbox.claim(record.conn, mail_id, now=now)
        facts = extract(record.conn, mail_id)
        if not facts.is_empty:  # else its last finding was reviewed while we took the mail
            refused += _send(record, mail, facts, now=now)
            sent.append(mail_id)
    return Outcome(tuple(sent), tuple(refused))


def _due(connection: Connection) -> Iterator[int]:
    while (mail_id := outbox.next_mail(connection)) is not None:
        yield mail_id


def _send(record: Run, mail: outbox.Mail, facts: Facts, *, now: datetime) -> tuple[str, ...]:
    """Deliver one claimed mail, then say so in the outbox."""
    try:
        message = transform(facts, now=now, links=links_of(record.settings))
        refused = load(record.settings, message, mail.message_id, now=now)
    except Exception as error:
        outbox.note_failure(record.conn, mail, error)
        raise
    outbox.mark_sent(record.conn, mail, now=now, remark="; ".join(refused))
    for refusal in refused:
        record.warn(f"mail {mail.mail_id} was refused by {refusal}")
        say(f"warning: mail {mail.mail_id} was refused by {refusal}")
    return refused


def main(
    dry_run: Annotated[bool, typer.Option(help="Show the mail as text; send nothing.")] = False,
    scheduled: Annotated[
        bool, typer.Option(help="Wait for the lock, as scheduled runs do.")
    ] = False,
) -> None:
    """Mail the data stewards what is new."""
    run_main(
        JOB,
        lambda context: run(context, now=datetime.now(UTC)),
        scheduled=scheduled,
        dry_run=dry_run,
        needs_spark=False,
    )


if __name__ == "__main__":
    typer.run(main)
