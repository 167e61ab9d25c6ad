"""Packs a rendered message as a MIME e-mail: text, and HTML with its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from jobs.common.errors import UsageError
from jobs.notify import words

CID_DOMAIN = "ecommerce-warehouse"
MAX_SUBJECT = 200

# Where the standard library folds before an encoded word, the reader gets a second space.
POLICY = SMTP.clone(max_line_length=MAX_SUBJECT)


@dataclass(frozen=True)
class Rendered:
    """A message in the forms that travel; pictures are PNG bytes by content id."""

    subject: str
    html: str
    text: str
    pictures: Mapping[str, bytes]


def pack(
    rendered: Rendered, *, message_id: str, sender: str, to: Sequence[str], now: datetime
) -> EmailMessage:
    """The e-mail: multipart/alternative(text, related(html, png …)).

    Raises:
        UsageError: MAIL_FROM or MAIL_TO holds no usable address.
    """
    email = EmailMessage(policy=POLICY)
    email["Subject"] = words.clean(rendered.subject, MAX_SUBJECT)
    email["From"] = address(sender, "MAIL_FROM")
    email["To"] = tuple(address(one, "MAIL_TO") for one in to or ("",))
    email["Date"] = now
    email["Message-ID"] = words.clean(message_id, MAX_SUBJECT)
    email["Auto-Submitted"] = "auto-generated"
    email["X-Auto-Response-Suppress"] = "All"
    email.set_content(rendered.text, cte="quoted-printable")
    _add_html(email, rendered)
    return email


def _add_html(email: EmailMessage, rendered: Rendered) -> None:
    html = rendered.html
    for cid in rendered.pictures:
        html = html.replace(f"cid:{cid}", f"cid:{_full_cid(cid)}")
    email.add_alternative(html, subtype="html", cte="quoted-printable")
    html_part = email.get_payload()[-1]  # type: ignore[index]
    assert isinstance(html_part, EmailMessage)  # noqa: S101 - added the line before
    for cid, png in rendered.pictures.items():
        html_part.add_related(
            png,
            "image",
            "png",
            cid=f"<{_full_cid(cid)}>",
            filename=f"{cid}.png",
            disposition="inline",
        )


def _full_cid(cid: str) -> str:
    return f"{cid}@{CID_DOMAIN}"


def address(text: str, setting: str) -> Address:
    """`Data stewards <stewards@example.com>` or a bare address.

    Raises:
        UsageError: it is neither; the message names the setting.
    """
    line = words.clean(text, MAX_SUBJECT)
    name, spec = parseaddr(line)
    try:
        if line != spec and not line.endswith(f"<{spec}>"):
            raise ValueError(spec)  # parseaddr closes up, or leaves out, what it cannot make out
        parsed = Address(display_name=name, addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        parsed = Address()
    if not (parsed.username and parsed.domain):
        raise UsageError(
            f"'{words.clean(text)}' is not a mail address",
            where=setting,
            do="write name@domain, or several in MAIL_TO with commas between",
        )
    return parsed
