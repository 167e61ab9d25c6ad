"""Claim, send, and send again: the outbox against a real Postgres and a real SMTP server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from psycopg2.extensions import connection as Connection

from jobs.common.db import connect
from jobs.common.errors import AlreadyRunning, TransientError, UsageError
from jobs.common.job import JobContext
from jobs.common.runlog import run_context
from jobs.notify import outbox, send_mail
from tests.notify.gold import Gold
from tests.notify.smtp_server import Inbox, smtp_server

NOW = datetime(2030, 1, 1, 6, 0, tzinfo=UTC)
STEWARDS = "stewards@example.com"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with smtp_server() as server:
        yield server


def context_of(gold: Gold, port: int, **given: object) -> JobContext:
    """The job as it is called, with the test's mail server."""
    mail = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "warehouse@example.com",
        "mail_to": STEWARDS,
    }
    dry_run = bool(given.pop("dry_run", False))
    return JobContext(gold.settings.model_copy(update={**mail, **given}), dry_run=dry_run)


def send(gold: Gold, inbox: Inbox, **given: object) -> send_mail.Outcome:
    """Run the job."""
    return send_mail.run(context_of(gold, inbox.port, **given), now=NOW)


def test_what_is_new_is_told_once(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd(3)
    assert len(send(gold, inbox).sent) == 1
    assert send(gold, inbox).sent == ()
    assert [str(message["Subject"]) for message in inbox.messages] == [
        "[Warehouse] 3 odd order lines · 2010-12-05"
    ]
    assert gold.outbox() == [("SENT", 1)]


def test_findings_of_several_runs_are_one_mail(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd(2)
    gold.find_error()
    gold.find_odd(1)
    send(gold, inbox)
    assert [str(message["Subject"]) for message in inbox.messages] == [
        "[Warehouse] 3 odd order lines and 1 line in error · 2010-12-05"
    ]


def test_nothing_new_sends_and_writes_nothing(gold: Gold, inbox: Inbox) -> None:
    assert send(gold, inbox) == send_mail.Outcome()
    assert inbox.messages == []
    assert gold.ask("SELECT COUNT(*) FROM ops.runs") == [(0,)]


def test_what_was_reviewed_before_is_not_told(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd(1)
    gold.ask("UPDATE anomalies SET status = 'RESOLVED'")
    assert send(gold, inbox).sent == ()
    assert gold.outbox() == [("PENDING", 0)]
    gold.find_error()
    send(gold, inbox)
    assert str(inbox.messages[0]["Subject"]).startswith("[Warehouse] 1 line in error")


def test_a_mail_keeps_its_message_id(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd()
    inbox.data_answer = "451 try later"
    with pytest.raises(TransientError):
        send(gold, inbox)
    inbox.data_answer = "250 taken"
    send(gold, inbox)
    ((message_id,),) = gold.ask("SELECT message_id FROM ops.mail_outbox")
    assert inbox.messages[0]["Message-ID"] == message_id


def test_a_crash_after_the_server_took_it_sends_the_same_again(
    gold: Gold, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    gold.find_odd()
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "mark_sent", crash)
        with pytest.raises(KeyboardInterrupt):
            send(gold, inbox)
    assert gold.outbox() == [("SENDING", 1)]
    send(gold, inbox)
    first, second = inbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert gold.outbox() == [("SENT", 2)]


def test_a_server_that_is_down_keeps_the_mail(gold: Gold) -> None:
    gold.find_odd()
    with smtp_server() as inbox:
        port = inbox.port
    with pytest.raises(TransientError):
        send_mail.run(context_of(gold, port), now=NOW)
    assert gold.outbox() == [("SENDING", 1)]
    assert "does not answer" in gold.last_error()
    assert gold.ask("SELECT status FROM ops.runs WHERE job = 'send_mail'") == [("failed",)]


def test_while_the_server_is_down_findings_gather_in_one_mail(gold: Gold, inbox: Inbox) -> None:
    inbox.data_answer = "451 try later"
    for _ in range(3):
        gold.find_odd()
        with pytest.raises(TransientError):
            send(gold, inbox)
    assert gold.outbox() == [("SENDING", 3), ("PENDING", 0)]
    inbox.data_answer = "250 taken"
    assert len(send(gold, inbox).sent) == 2
    assert [str(message["Subject"]) for message in inbox.messages] == [
        "[Warehouse] 1 odd order line · 2010-12-05",
        "[Warehouse] 2 odd order lines · 2010-12-05",
    ]


def test_a_refused_recipient_is_noted(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd()
    inbox.rcpt_answers["gone@example.com"] = "550 no such mailbox"
    outcome = send(gold, inbox, mail_to=f"gone@example.com, {STEWARDS}")
    assert outcome.refused == ("gone@example.com: 550 no such mailbox",)
    assert gold.outbox() == [("SENT", 1)]
    assert gold.last_error() == "gone@example.com: 550 no such mailbox"
    ((message,),) = gold.ask("SELECT message FROM ops.runs WHERE job = 'send_mail'")
    assert "gone@example.com" in message


def test_a_wrong_setting_keeps_the_mail(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd()
    with pytest.raises(UsageError, match="MAIL_TO"):
        send(gold, inbox, mail_to="not an address")
    assert gold.outbox() == [("SENDING", 1)]
    assert len(send(gold, inbox).sent) == 1


def test_two_senders_do_not_send_twice(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd()
    with (
        run_context(gold.settings, "send_mail", send_mail.LOCKS),
        pytest.raises(AlreadyRunning),
    ):
        send(gold, inbox)
    assert inbox.messages == []
    assert gold.outbox() == [("PENDING", 0)]


def test_a_dry_run_shows_the_mail_and_changes_nothing(
    gold: Gold, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    gold.find_odd(3)
    send(gold, inbox, dry_run=True)
    shown = capsys.readouterr().out
    assert "Subject: [Warehouse] 3 odd order lines · 2010-12-05" in shown
    assert "3 order lines are unusually large." in shown
    assert inbox.messages == []
    assert gold.outbox() == [("PENDING", 0)]


def test_a_finding_under_way_is_waited_for_and_told(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd()
    run = gold.new_run("detect_anomalies")
    with closing(connect(gold.settings, "loader")) as job:
        insert_uncommitted(job, run)
        sender = threading.Thread(target=send, args=(gold, inbox))
        sender.start()
        sender.join(0.5)
        assert sender.is_alive()
        job.commit()
    sender.join(30)
    assert str(inbox.messages[0]["Subject"]) == "[Warehouse] 2 odd order lines · 2010-12-05"


def insert_uncommitted(job: Connection, run: int) -> None:
    """Another odd line, in a transaction that is still open."""
    with job.cursor() as cursor:
        cursor.execute(
            "INSERT INTO anomalies (transaction_id, order_id, stock_code, quantity, median_qty,"
            " std_deviation, z_score, threshold, invoice_date, batch_id) VALUES ('late-1', 'late',"
            " '85123A', 70, 6, 4, 16, 14, '2010-12-05 11:00+00', %s)",
            (run,),
        )
        cursor.execute("SELECT ops.add_finding('anomalies', %s, 1)", (run,))


def test_a_job_that_holds_the_mail_too_long_is_transient(
    gold: Gold, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LOCK_TIMEOUT", "100ms")
    gold.find_odd()
    run = gold.new_run("detect_anomalies")
    with closing(connect(gold.settings, "loader")) as job:
        insert_uncommitted(job, run)
        with pytest.raises(TransientError, match="still being written"):
            send(gold, inbox)
    assert gold.outbox() == [("PENDING", 0)]


def test_a_slow_server_is_waited_for(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd(1)
    inbox.delay = 1.5
    assert len(send(gold, inbox, smtp_timeout_seconds=5).sent) == 1
    assert gold.outbox() == [("SENT", 1)]


def test_one_that_answers_too_late_has_the_same_mail_again_by_its_number(
    gold: Gold, inbox: Inbox
) -> None:
    gold.find_odd(1)
    inbox.delay = 3
    with pytest.raises(TransientError, match="timed out"):
        send(gold, inbox, smtp_timeout_seconds=1)

    inbox.delay = 0
    send(gold, inbox)

    assert gold.outbox() == [("SENT", 2)]
    assert len(inbox.messages) == 2
    assert len({str(message["Message-ID"]) for message in inbox.messages}) == 1


def test_one_that_says_nothing_is_left_after_the_timeout(gold: Gold, inbox: Inbox) -> None:
    gold.find_odd(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = int(silent.getsockname()[1])
        with pytest.raises(TransientError):
            send_mail.run(context_of(gold, port, smtp_timeout_seconds=1), now=NOW)

    assert len(send(gold, inbox).sent) == 1
    assert len(inbox.messages) == 1
