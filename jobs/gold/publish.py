"""The last step of a load that attached months: readers wait for its commit.

Postgres tells other sessions of a new partition a moment after its rows can be seen. Who plans a
query in that moment would see all of a load but its new months (docs/adr/0034).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psycopg2.errors import LockNotAvailable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

TRIES = 50
PATIENCE = "200ms"  # so long do readers queue behind us, behind one who takes longer
PAUSE_SECONDS = 0.2


def hold_readers(cur: Cursor) -> bool:
    """Keep new readers of the fact waiting until the transaction ends.

    Returns:
        Whether it could be done: not while someone reads for longer than all tries take.
    """
    for _ in range(TRIES):
        cur.execute("SAVEPOINT holding")
        try:
            cur.execute("SELECT set_config('lock_timeout', %s, true)", (PATIENCE,))
            cur.execute("LOCK TABLE ONLY fact_transactions IN ACCESS EXCLUSIVE MODE")
        except LockNotAvailable:
            cur.execute("ROLLBACK TO SAVEPOINT holding")
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False
