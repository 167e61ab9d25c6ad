"""Hands an e-mail to the SMTP server, and says which kind of failure a failure is."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage

from jobs.common.addresses import is_loopback
from jobs.common.errors import TransientError, UsageError, WarehouseError
from jobs.common.settings import Settings

FIRST_PERMANENT_CODE = 500

# The other side went away in the middle of TLS: no matter of trust.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

Refusals = Mapping[str, tuple[int, bytes]]


def deliver(settings: Settings, email: EmailMessage) -> tuple[str, ...]:
    """Send it; returns the recipients that the server refused while it took others.

    Raises:
        TransientError: no answer, or "try again later" (4xx).
        UsageError: the server refuses for good, or the settings would leak the password.
    """
    _refuse_open_password(settings)
    with _explained(settings), _connected(settings) as server:
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        refused = server.send_message(email)
        return tuple(_answers(refused))


def _refuse_open_password(settings: Settings) -> None:
    if (
        settings.smtp_security == "none"
        and settings.smtp_user
        and not is_loopback(settings.smtp_host)
    ):
        raise UsageError(
            "the mail password would travel in clear text",
            where=f"SMTP_SECURITY=none with SMTP_USER, to {settings.smtp_host}",
            do="set SMTP_SECURITY to starttls or tls",
        )


@contextmanager
def _connected(settings: Settings) -> Iterator[smtplib.SMTP]:
    host, port = settings.smtp_host, settings.smtp_port
    timeout = settings.smtp_timeout_seconds
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=timeout, context=_tls_context(settings)
        )
    else:
        server = smtplib.SMTP(host, port, timeout=timeout)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=_tls_context(settings))
        yield server
    finally:
        _leave(server)


def _leave(server: smtplib.SMTP) -> None:
    # The message's fate is known by now; a server that is gone cannot change it.
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _tls_context(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.smtp_ca_file or None)
    except OSError as error:
        raise UsageError(
            f"the certificate authority's file is not usable: {error}",
            where=f"SMTP_CA_FILE={settings.smtp_ca_file}",
            do="name a PEM file, or leave it empty for the system's authorities",
        ) from None


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    """Turns what smtplib raises into errors that a person or a scheduler can act on."""
    where = f"{settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _all_refused(error.recipients, where) from None
    except smtplib.SMTPResponseException as error:
        raise _answered(error, where) from None
    except (smtplib.SMTPServerDisconnected, *_CUT_OFF) as error:
        raise _no_answer(error, where) from None
    except ssl.SSLError as error:
        raise _untrusted(error, where) from None
    except (smtplib.SMTPException, UnicodeError) as error:
        raise UsageError(
            f"the mail server cannot do what is asked: {error}",
            where=where,
            do="see SMTP_SECURITY, SMTP_PORT, SMTP_USER and SMTP_PASSWORD",
        ) from None
    except OSError as error:
        raise _no_answer(error, where) from None


def _no_answer(error: OSError, where: str) -> WarehouseError:
    return TransientError(
        f"the mail server does not answer: {error}",
        where=where,
        do="the mail stays in the outbox; the next run sends it",
    )


def _answered(error: smtplib.SMTPResponseException, where: str) -> WarehouseError:
    answer = f"{error.smtp_code} {_text(error.smtp_error)}"
    if error.smtp_code < FIRST_PERMANENT_CODE:
        return TransientError(f"the mail server asks to try later: {answer}", where=where)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return UsageError(
            f"the mail server refuses the log-in: {answer}",
            where=where,
            do="see SMTP_USER and SMTP_PASSWORD",
        )
    return UsageError(
        f"the mail server refuses the mail: {answer}",
        where=where,
        do="see MAIL_FROM and what the account may send",
    )


def _all_refused(refused: Refusals, where: str) -> WarehouseError:
    answers = "; ".join(_answers(refused))
    if any(code < FIRST_PERMANENT_CODE for code, _ in refused.values()):
        return TransientError(f"no recipient was accepted yet: {answers}", where=where)
    return UsageError(f"every recipient was refused: {answers}", where=where, do="see MAIL_TO")


def _untrusted(error: ssl.SSLError, where: str) -> WarehouseError:
    return UsageError(
        f"no trusted connection to the mail server: {error}",
        where=where,
        do="see SMTP_SECURITY, SMTP_PORT and SMTP_CA_FILE",
    )


def _answers(refused: Refusals) -> Iterator[str]:
    for recipient, (code, text) in sorted(refused.items()):
        yield f"{recipient}: {code} {_text(text)}"


def _text(answer: bytes | str) -> str:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(words.split())
