"""The outbox: which mail is next, and what became of it. Each step is its own commit.

PENDING → SENDING before the server is called, → SENT after it took the mail. A crash in
between leaves SENDING, which the next run sends again with the same Message-ID.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection

from jobs.common.db import transaction
from jobs.common.errors import TransientError

# A load holds the pending row for the end of its transaction only.
LOCK_TIMEOUT = "60s"
MAX_ERROR = 2000

NEXT_MAIL = """
SELECT o.mail_id
FROM ops.mail_outbox AS o
WHERE o.status IN ('SENDING', 'PENDING')
  AND EXISTS (
    SELECT
    FROM ops.mail_findings AS m
    WHERE m.mail_id = o.mail_id
      AND CASE m.kind
        WHEN 'anomalies' THEN EXISTS (
          SELECT
          FROM anomalies AS a
          WHERE a.batch_id = m.batch_id AND a.still_flagged AND a.status = 'NEW'
        )
        WHEN 'errors' THEN EXISTS (
          SELECT
          FROM transactions_error AS e
          WHERE e.batch_id = m.batch_id AND e.status = 'OPEN'
        )
        WHEN 'held' THEN EXISTS (
          SELECT
          FROM ops.breaker_trips AS t
          WHERE t.batch_id = m.batch_id AND t.ended_by IS NULL
        )
        ELSE true
      END
  )
ORDER BY o.status = 'PENDING', o.mail_id
LIMIT 1
"""


@dataclass(frozen=True)
class Mail:
    """An outbox row that is ours to send."""

    mail_id: int
    message_id: str


def next_mail(connection: Connection) -> int | None:
    """The mail to send first: one begun earlier, else the pending one. Changes nothing.

    A mail whose findings have all been dealt with since has nothing to tell and is passed over.
    """
    with transaction(connection) as cursor:
        cursor.execute(NEXT_MAIL)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def claim(connection: Connection, mail_id: int, *, now: datetime) -> Mail:
    """Begin an attempt. New findings go to another mail from here on.

    Raises:
        TransientError: a job that is adding a finding holds the row for too long.
    """
    try:
        with transaction(connection, "the claim of a mail") as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
            cursor.execute(
                "UPDATE ops.mail_outbox"
                " SET status = 'SENDING', claimed_at = %s, attempts = attempts + 1"
                " WHERE mail_id = %s RETURNING mail_id, message_id",
                (now, mail_id),
            )
            row = cursor.fetchone()
    except LockNotAvailable:
        raise TransientError(
            f"mail {mail_id} is still being written by another job",
            where="ops.mail_outbox",
            do="try again when that job has ended; ops.v_runs lists it",
        ) from None
    assert row is not None  # noqa: S101 - no one deletes mails
    return Mail(int(row[0]), str(row[1]))


def mark_sent(connection: Connection, mail: Mail, *, now: datetime, remark: str = "") -> None:
    """The server took it; the remark says whom it refused."""
    with transaction(connection, "the end of a mail") as cursor:
        cursor.execute(
            "UPDATE ops.mail_outbox SET status = 'SENT', sent_at = %s, last_error = %s"
            " WHERE mail_id = %s",
            (now, remark[:MAX_ERROR] or None, mail.mail_id),
        )


def note_failure(connection: Connection, mail: Mail, error: Exception) -> None:
    """Keep why the attempt failed; the mail stays SENDING."""
    with transaction(connection, "the note of a failed delivery") as cursor:
        cursor.execute(
            "UPDATE ops.mail_outbox SET last_error = %s WHERE mail_id = %s",
            (str(error)[:MAX_ERROR], mail.mail_id),
        )
