"""Log-ins to the server of a home."""

from __future__ import annotations

import psycopg2
from psycopg2.extensions import connection as Connection

from embedded.home import Home


def connect(home: Home, **other: str) -> Connection:
    """A log-in of the administrator, or with what differs."""
    recorded = home.read()
    words = {
        "host": recorded["GOLD_HOST"],
        "port": recorded["GOLD_PORT"],
        "user": "postgres",
        "password": recorded["GOLD_ADMIN_PASSWORD"],
        "dbname": "postgres",
    }
    return psycopg2.connect(**(words | other))
