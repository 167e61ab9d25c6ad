"""The keys of months built aside: one is as another, whether versions are looked up or hashed."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg2 import errors

from jobs.common.db import connect
from jobs.common.settings import Settings
from tests.gold.loads import A1, FEBRUARY, File, Loads, line, product

KEYS = """
SELECT
    c.conname,
    pg_get_constraintdef(c.oid),
    c.convalidated,
    c.conislocal,
    c.coninhcount,
    p.conrelid::regclass::text,
    p.conname
FROM pg_constraint AS c
LEFT JOIN pg_constraint AS p ON c.conparentid = p.oid
WHERE c.conrelid = 'fact_transactions_2011_01'::regclass
ORDER BY 1
"""


def versions(count: int) -> list[dict[str, Any]]:
    """Versions of A1: the first since 2010, and a new one each day of the years after 2011."""
    days = [date(2012, 1, 1) + timedelta(days=n) for n in range(count - 1)]
    starts = ["2010-01-01", *(day.isoformat() for day in days)]
    ends = [*starts[1:], None]
    return [product(n, "A1", *when) for n, when in enumerate(zip(starts, ends, strict=True), 1)]


def test_a_month_of_few_lines_gets_the_keys_of_any_other(loads: Loads) -> None:
    loads.take(File("a", [line("1-1"), line("1-2")]), products=[A1])
    before = loads.ask(KEYS)
    loads.ask("DROP TABLE fact_transactions_2011_01")

    loads.take(File("b", [line("2-1"), line("2-2")]), products=versions(40))

    assert len([row for row in before if row[5] == "fact_transactions"]) == 5
    assert loads.ask(KEYS) == before


@pytest.mark.parametrize("months", [("2011-01-05 09:00+00",), ("2011-01-05 09:00+00", FEBRUARY)])
@pytest.mark.parametrize("lines", [3, 30], ids=["looked up", "hashed"])
def test_a_line_of_no_version_keeps_the_whole_load_out(
    loads: Loads, lines: int, months: tuple[str, ...]
) -> None:
    good = [line(f"{n}-1", invoice_date=months[0]) for n in range(lines - 1)]
    lost = line("99-1", product_sk=41, invoice_date=months[-1])

    with pytest.raises(errors.ForeignKeyViolation, match="fact_transactions_product_sk_fkey"):
        loads.take(File("a", [*good, lost]), products=versions(40))

    assert loads.ask("SELECT count(*) FROM fact_transactions") == [(0,)]
    assert loads.ask("SELECT count(*) FROM dim_products") == [(0,)]


@pytest.mark.parametrize(("lines", "looked_up"), [(3, True), (4, False), (5, False)])
def test_versions_are_looked_up_where_lines_are_a_tenth_as_many(
    loads: Loads, gold_settings: Settings, lines: int, looked_up: bool
) -> None:
    loads.take(File("a", [line("1-1", invoice_date=FEBRUARY)]), products=versions(40))
    with closing(connect(gold_settings, "owner")) as conn, conn.cursor() as cur:
        cur.execute(
            "CREATE OR REPLACE FUNCTION ops.look_up_products(p_month date) RETURNS void"
            " LANGUAGE plpgsql AS $$ BEGIN RAISE 'looked up'; END $$"
        )
        cur.execute("SELECT ops.create_fact_months('{2011-03-01}')")
        cur.execute(
            "INSERT INTO staging.new_months SELECT n || '-2', product_sk, customer_sk, country_sk,"
            " 20110301, invoice_no, '2011-03-01 00:00+00', quantity, unit_price, total_amount,"
            " is_return, batch_id, file_key, source_line"
            " FROM fact_transactions CROSS JOIN generate_series(1, %s) AS n",
            (lines,),
        )
        cur.execute(
            "INSERT INTO dim_dates SELECT 20110301, '2011-03-01', 2011, 1, 3, '', 1, '', FALSE"
        )
        attach = "SELECT ops.attach_fact_months('{2011-03-01}')"
        if looked_up:
            with pytest.raises(errors.RaiseException, match="looked up"):
                cur.execute(attach)
        else:
            cur.execute(attach)
        conn.rollback()
