"""E-mails as a real SMTP server receives them, and what its refusals turn into."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from jobs.common.errors import TransientError, UsageError, WarehouseError
from jobs.common.settings import Settings
from jobs.notify.deliver import deliver
from jobs.notify.envelope import Rendered, pack
from jobs.notify.send_mail import render, transform
from tests.notify import samples
from tests.notify.smtp_server import PASSWORD, USER, Inbox, Security, smtp_server

MESSAGE_ID = "<4f1c@ecommerce-warehouse>"
TO = ("Data stewards <stewards@example.com>", "büro@example.com", "audit@example.com")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def plain() -> Iterator[Inbox]:
    with smtp_server() as inbox:
        yield inbox


def settings_for(port: int, **given: object) -> Settings:
    """Plain SMTP to loopback; only what the test is about need be given."""
    return Settings(_env_file=None).model_copy(  # type: ignore[call-arg]
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "smtp_timeout_seconds": 5,
            **given,
        }
    )


def email(to: tuple[str, ...] = ("stewards@example.com",), subject: str = "") -> EmailMessage:
    """The year's digest, packed."""
    rendered = render(transform(samples.YEAR, now=samples.NOW))
    if subject:
        rendered = Rendered(subject, rendered.html, rendered.text, rendered.pictures)
    return pack(
        rendered,
        message_id=MESSAGE_ID,
        sender="Warehouse <warehouse@example.com>",
        to=to,
        now=samples.NOW,
    )


def test_mail_arrives_whole(plain: Inbox) -> None:
    assert deliver(settings_for(plain.port), email()) == ()
    (message,) = plain.messages
    html = message.get_body(("related", "html"))
    text = message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Date"].datetime == samples.NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Subject"]) == transform(samples.YEAR, now=samples.NOW).subject
    assert "22,863 order lines are unusually large" in text.get_content()


def test_structure_is_text_then_html_with_its_picture(plain: Inbox) -> None:
    deliver(settings_for(plain.port), email())
    (message,) = plain.messages
    kinds = [part.get_content_type() for part in message.walk()]
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    html = next(part for part in message.walk() if part.get_content_type() == "text/html")
    assert kinds == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"
    ]  # fmt: skip
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in html.get_content()
    assert picture.get_content().startswith(b"\x89PNG")


def test_each_line_fits_smtp(plain: Inbox) -> None:
    deliver(settings_for(plain.port), email())
    lines = (plain.envelopes[0].original_content or b"").split(b"\r\n")
    assert max(map(len, lines)) <= 998


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_with_log_in(security: Security, tls: ssl.SSLContext, ca_file: str) -> None:
    with smtp_server(security, context=tls, auth=True) as inbox:
        settings = settings_for(
            inbox.port,
            smtp_security=security,
            smtp_ca_file=ca_file,
            smtp_user=USER,
            smtp_password=SecretStr(PASSWORD),
        )
        deliver(settings, email())
        assert len(inbox.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_unknown_authority_is_refused(security: Security, tls: ssl.SSLContext) -> None:
    with smtp_server(security, context=tls) as inbox:
        with pytest.raises(UsageError, match=r"no trusted connection[\s\S]*SMTP_CA_FILE"):
            deliver(settings_for(inbox.port, smtp_security=security), email())
        assert inbox.messages == []


def test_certificate_for_another_host_is_refused(authority: trustme.CA, ca_file: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("mail.example.com").configure_cert(context)
    with smtp_server("tls", context=context) as inbox:
        settings = settings_for(inbox.port, smtp_security="tls", smtp_ca_file=ca_file)
        with pytest.raises(UsageError, match="no trusted connection"):
            deliver(settings, email())


def test_a_server_without_starttls_gets_nothing(plain: Inbox) -> None:
    with pytest.raises(UsageError, match="STARTTLS"):
        deliver(settings_for(plain.port, smtp_security="starttls"), email())
    assert plain.messages == []


def test_a_missing_authority_file_is_named(plain: Inbox) -> None:
    settings = settings_for(plain.port, smtp_security="starttls", smtp_ca_file="no/such.pem")
    with pytest.raises(UsageError, match=r"no/such\.pem"):
        deliver(settings, email())


def test_a_wrong_password_is_told_and_not_shown(tls: ssl.SSLContext, ca_file: str) -> None:
    with smtp_server("starttls", context=tls, auth=True) as inbox:
        settings = settings_for(
            inbox.port,
            smtp_security="starttls",
            smtp_ca_file=ca_file,
            smtp_user=USER,
            smtp_password=SecretStr("wrong pony"),
        )
        with pytest.raises(UsageError, match="refuses the log-in: 535") as caught:
            deliver(settings, email())
        assert "pony" not in str(caught.value)


def test_log_in_is_told_when_the_server_wants_it(tls: ssl.SSLContext, ca_file: str) -> None:
    with smtp_server("starttls", context=tls, auth=True) as inbox:
        settings = settings_for(inbox.port, smtp_security="starttls", smtp_ca_file=ca_file)
        with pytest.raises(UsageError, match="530"):
            deliver(settings, email())


def test_a_password_never_travels_in_clear_text() -> None:
    settings = settings_for(25, smtp_host="mail.example.com", smtp_user=USER)
    with pytest.raises(UsageError, match="clear text"):
        deliver(settings, email())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_may_log_in_without_tls(host: str) -> None:
    with smtp_server(auth=True) as inbox:
        settings = settings_for(
            inbox.port, smtp_host=host, smtp_user=USER, smtp_password=SecretStr(PASSWORD)
        )
        deliver(settings, email())
        assert len(inbox.messages) == 1


def test_one_refused_recipient_does_not_stop_the_others(plain: Inbox) -> None:
    plain.rcpt_answers["gone@example.com"] = "550 no such mailbox"
    to = ("gone@example.com", "stewards@example.com")
    assert deliver(settings_for(plain.port), email(to)) == (
        "gone@example.com: 550 no such mailbox",
    )
    assert plain.envelopes[0].rcpt_tos == ["stewards@example.com"]


@pytest.mark.parametrize(
    ("answer", "error"), [("550 no such mailbox", UsageError), ("450 greylisted", TransientError)]
)
def test_all_recipients_refused(plain: Inbox, answer: str, error: type[WarehouseError]) -> None:
    plain.rcpt_answers["stewards@example.com"] = answer
    with pytest.raises(error, match=answer):
        deliver(settings_for(plain.port), email())


@pytest.mark.parametrize(
    ("answer", "error"),
    [("554 looks like spam", UsageError), ("452 disk full", TransientError)],
)
def test_refused_content(plain: Inbox, answer: str, error: type[WarehouseError]) -> None:
    plain.data_answer = answer
    with pytest.raises(error, match=answer):
        deliver(settings_for(plain.port), email())


def test_a_server_that_is_down_is_transient() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(TransientError, match="does not answer"):
            deliver(settings_for(taken.getsockname()[1]), email())


@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_silent_server_is_transient(security: Security) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = settings_for(port, smtp_security=security, smtp_timeout_seconds=1)
        with pytest.raises(TransientError, match="does not answer"):
            deliver(settings, email())


def test_an_unknown_host_is_transient() -> None:
    with pytest.raises(TransientError, match="does not answer"):
        deliver(settings_for(25, smtp_host="mail.invalid"), email())


def test_no_header_can_be_smuggled_in(plain: Inbox) -> None:
    deliver(
        settings_for(plain.port), email(subject="3 lines\r\nBcc: all@example.com\r\n\r\nHi\x00")
    )
    (message,) = plain.messages
    assert message["Subject"] == "3 lines Bcc: all@example.com Hi"
    assert message["Bcc"] is None
    assert plain.envelopes[0].rcpt_tos == ["stewards@example.com"]


def test_a_smuggled_recipient_is_refused() -> None:
    with pytest.raises(UsageError, match="MAIL_TO"):
        email(("stewards@example.com\r\nBcc: all@example.com",))


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "warehouse",
        "@example.com",
        "a b@c d",
        "<>",
        "a@b.example\r\nBcc: all@example.com",
        "Shop\r\nBcc: all@example.com\r\n <shop@example.com>",
        "a@b.example, c@d.example",
    ],
)
def test_an_unusable_sender_is_named(sender: str) -> None:
    rendered = Rendered("s", "<p>h</p>", "t", {})
    with pytest.raises(UsageError, match="MAIL_FROM"):
        pack(rendered, message_id=MESSAGE_ID, sender=sender, to=("a@b",), now=samples.NOW)


def test_no_recipients_is_a_wrong_setting() -> None:
    with pytest.raises(UsageError, match="MAIL_TO"):
        email(())


def test_text_in_other_scripts_arrives(plain: Inbox) -> None:
    deliver(settings_for(plain.port), email(subject="größer als 🎁 erwartet"))
    assert str(plain.messages[0]["Subject"]) == "größer als 🎁 erwartet"


def test_the_mail_can_be_kept_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(email().as_bytes())
    assert b"Message-ID: <4f1c@ecommerce-warehouse>\r\n" in path.read_bytes()
