"""Customers who were erased: gold knows them by a keyed hash, and answers who of some was.

An ordinary run asks once whether there is anyone at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def any_erased(cur: Cursor) -> bool:
    """Whether any customer ever was."""
    cur.execute("SELECT EXISTS (SELECT FROM ops.erased_customers)")
    return cur.fetchone() == (True,)


def erased_among(cur: Cursor, customer_ids: Iterable[str]) -> frozenset[str]:
    """Those of the customers who were."""
    cur.execute("SELECT * FROM ops.erased_among(%s::text[])", (sorted(customer_ids),))
    return frozenset(row[0] for row in cur.fetchall())
