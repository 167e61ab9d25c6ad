"""The mail catcher: what it keeps, and which process it ends."""

from __future__ import annotations

import json
import smtplib
import stat
import subprocess
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from embedded.home import Home
from embedded.mailcatcher import MailCatcher, caught, keep


def send(home: Home, subject: str, body: str = "text") -> None:
    message = EmailMessage()
    message["From"], message["To"] = "warehouse@localhost", "stewards@localhost"
    message["Subject"] = subject
    message.set_content(body)
    recorded = home.read()
    with smtplib.SMTP(recorded["SMTP_HOST"], int(recorded["SMTP_PORT"])) as server:
        server.send_message(message)


def test_each_message_is_kept_as_one_private_file(home: Home) -> None:
    send(home, "Größe & <b>", "line 1\n.line 2\n")
    send(home, "second")

    kept = caught(home)

    assert [message["Subject"] for _, message in kept] == ["Größe & <b>", "second"]
    assert kept[0][1].get_content().splitlines() == ["line 1", ".line 2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path, _ in kept} == {0o600}
    assert all(path.suffix == ".eml" for path in home.mail.iterdir())


def test_a_name_is_the_time_and_a_hash_and_nothing_of_the_message(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)

    path = keep(tmp_path, b"Subject: ../../etc/passwd\r\n\r\n", now)

    assert path.parent == tmp_path
    assert path.name.startswith("20260102T030405.000678Z-")
    assert path.read_bytes() == b"Subject: ../../etc/passwd\r\n\r\n"


def test_a_message_that_cannot_be_kept_is_not_accepted(home: Home) -> None:
    moved = home.mail.rename(home.root / "away")
    try:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            send(home, "lost?")
    finally:
        moved.rename(home.mail)

    assert refusal.value.smtp_code == 451


def test_starting_it_again_keeps_process_and_port(home: Home) -> None:
    before = MailCatcher(home).process(), home.read()["SMTP_PORT"]

    MailCatcher(home).start()

    assert (MailCatcher(home).process(), home.read()["SMTP_PORT"]) == before


def test_it_comes_back_on_its_port_after_an_end(home: Home) -> None:
    port = home.read()["SMTP_PORT"]

    assert MailCatcher(home).stop()
    assert not MailCatcher(home).stop()
    MailCatcher(home).start()

    assert home.read()["SMTP_PORT"] == port
    send(home, "after")


def test_a_process_that_only_has_the_recorded_pid_is_left_alone(quiet_home: Home) -> None:
    catcher = MailCatcher(quiet_home)
    with subprocess.Popen(["sleep", "60"]) as other:
        started = psutil.Process(other.pid).create_time() - 100
        catcher.pid_file.write_text(json.dumps({"pid": other.pid, "started": started, "port": 1}))
        assert not catcher.stop()
        assert other.poll() is None
        other.terminate()
