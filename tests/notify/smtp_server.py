"""A real SMTP server on loopback for tests: plain, STARTTLS or TLS, with or without log-in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER = "warehouse"
PASSWORD = "correct horse"

Security = Literal["none", "starttls", "tls"]


@dataclass
class Inbox:
    """What the server took, and how it is to answer."""

    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    rcpt_answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = "250 taken"
    delay: float = 0  # seconds before it answers to a message, which it has by then
    port: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Those with which a warehouse sends its mail here."""
        return {"smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_security": "none"}

    async def handle_RCPT(  # noqa: N802 - names and arguments are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt_answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            content = envelope.original_content or b""
            message = message_from_bytes(content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.envelopes.append(envelope)
        await asyncio.sleep(self.delay)
        return self.data_answer


class AnyPort(Controller):
    """A controller that learns its port once it listens."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def smtp_server(
    security: Security = "none", *, context: ssl.SSLContext | None = None, auth: bool = False
) -> Iterator[Inbox]:
    """A server on a free port; `inbox.port` says which."""
    inbox = Inbox()
    options: dict[str, Any] = {}
    if security == "tls":
        options["ssl_context"] = context
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if auth:
        options |= {
            "authenticator": _check,
            "auth_required": True,
            "auth_require_tls": security == "starttls",
        }
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        inbox.port = controller.port
        yield inbox
    finally:
        controller.stop()


def _check(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)
