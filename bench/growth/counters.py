"""What Postgres counts of its tables: rows that were looked at, blocks, and rows written."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

from jobs.common.db import connect
from jobs.common.settings import Settings

MONTH = re.compile(r"fact_transactions_(\d{4}_\d\d)")
COUNTED = """
SELECT
    s.schemaname || '.' || s.relname,
    s.seq_tup_read + coalesce(s.idx_tup_fetch, 0),
    coalesce(b.heap_blks_read + b.heap_blks_hit + coalesce(b.idx_blks_read + b.idx_blks_hit, 0), 0),
    s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
    s.seq_scan + coalesce(s.idx_scan, 0)
FROM pg_stat_user_tables AS s
INNER JOIN pg_statio_user_tables AS b ON s.relid = b.relid
"""


@dataclass(frozen=True)
class Counters:
    """By table: rows read, blocks touched, rows written, scans begun."""

    rows: Counter[str]
    blocks: Counter[str]
    written: Counter[str]
    scans: Counter[str]

    def since(self, before: Counters) -> Counters:
        """What has been added."""
        pairs = zip(self._all(), before._all(), strict=True)
        return Counters(*(now - then for now, then in pairs))

    def _all(self) -> tuple[Counter[str], ...]:
        return self.rows, self.blocks, self.written, self.scans


def counters(settings: Settings) -> Counters:
    """As they stand, once all sessions have told theirs."""
    with closing(connect(settings, "owner")) as conn, conn, conn.cursor() as cur:
        cur.execute(COUNTED)
        rows = cur.fetchall()
    found = tuple(Counter({row[0]: int(row[n]) for row in rows}) for n in range(1, 5))
    return Counters(*found)


def months_of(tables: Counter[str]) -> list[str]:
    """The months of the fact that are among the tables, as YYYY_MM."""
    return sorted(match[1] for name in tables if (match := MONTH.search(name)))
