"""What the gold database holds and what it refuses by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from jobs.common.contracts import DW_TABLES, Table
from jobs.common.db import connect
from jobs.common.settings import Settings
from tests.support.databases import query

OURS = "('public'::regnamespace, 'ops'::regnamespace)"
PARTITION = "public.fact_transactions_2011_01"
# Gold alone needs these: where a line came from, and what one version says of the next.
ONLY_IN_GOLD = {
    "fact_transactions": ["file_key", "source_line"],
    "dim_products": ["next_effective_date"],
}
TYPES = {"string": "text", "int": "integer", "timestamp": "timestamp with time zone"}


@pytest.fixture
def gold(gold_settings: Settings) -> Iterator[Settings]:
    """The module's database without months and products."""
    yield gold_settings
    months = (
        "SELECT c.oid::regclass::text FROM pg_class AS c"
        " WHERE c.relname LIKE 'fact\\_transactions\\_2%%' AND c.relkind = 'r'"
    )
    for (name,) in query(gold_settings, months):
        query(gold_settings, f"DROP TABLE {name}")
    query(gold_settings, "DELETE FROM dim_products")


def make_month(settings: Settings, month: str = "2011-01-01", *sql: str) -> None:
    """Make a month aside and attach it, as the load does; SQL goes before either."""
    with closing(connect(settings)) as conn, conn, conn.cursor() as cur:
        for statement in sql:
            cur.execute(statement)
        cur.execute("SELECT ops.create_fact_month(%s)", (month,))
        cur.execute("SELECT ops.attach_fact_month(%s)", (month,))


def test_every_relation_and_column_has_a_comment(gold: Settings) -> None:
    make_month(gold)
    relations = (
        "SELECT c.oid::regclass::text FROM pg_class AS c"
        f" WHERE c.relnamespace IN {OURS} AND c.relkind IN ('r', 'p', 'v')"
        " AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL"
    )
    columns = (
        "SELECT c.oid::regclass::text, a.attname::text FROM pg_class AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        f" WHERE c.relnamespace IN {OURS} AND c.relkind IN ('r', 'p', 'v')"
        " AND col_description(c.oid, a.attnum) IS NULL"
    )

    assert query(gold, relations) == []
    assert query(gold, columns) == []


def test_every_function_and_schema_of_ours_has_a_comment(gold: Settings) -> None:
    functions = (
        "SELECT p.oid::regproc::text FROM pg_proc AS p"
        f" WHERE p.pronamespace IN {OURS} AND obj_description(p.oid, 'pg_proc') IS NULL"
    )
    schemas = (
        "SELECT n.nspname::text FROM pg_namespace AS n WHERE n.nspname IN ('ops', 'staging')"
        " AND obj_description(n.oid, 'pg_namespace') IS NULL"
    )

    assert query(gold, functions) == []
    assert query(gold, schemas) == []


@pytest.mark.parametrize("table", DW_TABLES, ids=lambda table: table.name)
def test_a_table_of_the_star_has_the_columns_of_its_contract(gold: Settings, table: Table) -> None:
    found = query(
        gold,
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY a.attnum",
        f"public.{table.name}",
    )
    expected = {
        c.name: TYPES.get(c.type, c.type.replace("decimal", "numeric"))
        for c in table.columns
        if c.name not in table.partitioned_by
    }
    shared = {name: kind.replace("smallint", "integer") for name, kind in found[: len(expected)]}

    assert list(shared.items()) == list(expected.items())
    assert [name for name, _ in found[len(expected) :]] == ONLY_IN_GOLD.get(table.name, [])


def test_an_attached_month_has_all_keys_and_indexes_of_the_fact(gold: Settings) -> None:
    make_month(gold)
    constraints = (
        "SELECT contype::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype <> 'n' ORDER BY 1, 2"
    )
    of_the_parent = (
        "SELECT pg_get_indexdef(h.inhparent) FROM pg_index AS i"
        " JOIN pg_inherits AS h ON h.inhrelid = i.indexrelid"
        " WHERE i.indrelid = %s::regclass AND i.indisvalid"
    )
    all_indexes = "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass"
    not_null = (
        "SELECT count(*) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND attnotnull"
    )

    assert query(gold, constraints, PARTITION) == [
        ("c", "CHECK (((date_sk >= 20110101) AND (date_sk <= 20110131)))"),
        ("f", "FOREIGN KEY (country_sk) REFERENCES dim_countries(country_sk)"),
        ("f", "FOREIGN KEY (customer_sk) REFERENCES dim_customers(customer_sk)"),
        ("f", "FOREIGN KEY (date_sk) REFERENCES dim_dates(date_sk)"),
        ("f", "FOREIGN KEY (product_sk) REFERENCES dim_products(product_sk)"),
        ("p", "PRIMARY KEY (transaction_id, invoice_date)"),
    ]
    assert len(query(gold, of_the_parent, PARTITION)) == 4
    assert query(gold, all_indexes, PARTITION) == [(4,)]
    assert query(gold, not_null, PARTITION) == [(14,)]


@pytest.mark.parametrize(
    "zone", ["UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"]
)
@pytest.mark.parametrize(
    ("month", "bounds"),
    [
        ("2011-01-01", ("2011-01-01 00:00:00+00", "2011-02-01 00:00:00+00")),
        ("2011-12-01", ("2011-12-01 00:00:00+00", "2012-01-01 00:00:00+00")),
        # summer time begins or ends in the middle of these
        ("2012-03-01", ("2012-03-01 00:00:00+00", "2012-04-01 00:00:00+00")),
        ("2012-11-01", ("2012-11-01 00:00:00+00", "2012-12-01 00:00:00+00")),
    ],
)
def test_a_months_bounds_are_in_utc_whatever_the_session(
    gold: Settings, zone: str, month: str, bounds: tuple[str, str]
) -> None:
    make_month(gold, month, f"SET timezone = '{zone}'")
    kept = (
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition AND relkind = 'r'"
    )

    start, end = bounds
    assert query(gold, kept) == [(f"FOR VALUES FROM ('{start}') TO ('{end}')",)]


def test_the_loader_fills_a_month_until_it_is_attached(gold: Settings) -> None:
    rights = (
        "SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',"
        " 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS privilege"
        " WHERE has_table_privilege('warehouse_loader', %s, privilege)"
    )
    query(gold, "SELECT ops.create_fact_month('2011-01-01')", role="loader")
    aside = query(gold, rights, PARTITION)
    query(gold, "SELECT ops.attach_fact_month('2011-01-01')", role="loader")

    assert aside == [("SELECT",), ("INSERT",)]
    assert query(gold, rights, PARTITION) == []
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass"
    assert query(gold, owner, PARTITION) == [("warehouse_owner",)]


@pytest.mark.parametrize("day", ["2011-01-02", "2011-01-31", None])
def test_a_month_begins_on_its_first_day(gold: Settings, day: str | None) -> None:
    with pytest.raises((errors.RaiseException, errors.NullValueNotAllowed)):
        query(gold, "SELECT ops.create_fact_month(%s)", day, role="loader")


def test_a_month_is_made_and_attached_once(gold: Settings) -> None:
    make_month(gold)

    with pytest.raises(errors.DuplicateTable):
        query(gold, "SELECT ops.create_fact_month('2011-01-01')", role="loader")
    with pytest.raises(errors.InvalidTableDefinition, match="multiple primary keys"):
        query(gold, "SELECT ops.attach_fact_month('2011-01-01')", role="loader")


def test_a_month_that_was_not_made_cannot_be_attached(gold: Settings) -> None:
    with pytest.raises(errors.UndefinedTable):
        query(gold, "SELECT ops.attach_fact_month('2011-05-01')", role="loader")


def a_line(at: str) -> str:
    return (
        f"INSERT INTO {PARTITION} VALUES"
        f" ('1-1', 1, -1, 1, 20110105, '1', '{at}', 1, 1, 1, false, 1, 1, 2)"
    )


@pytest.mark.parametrize("at", ["2010-12-31 23:59:59+00", "2011-02-01 00:00+00"])
def test_a_line_of_another_month_keeps_a_month_from_being_attached(gold: Settings, at: str) -> None:
    query(gold, "SELECT ops.create_fact_month('2011-01-01')", role="loader")
    query(gold, a_line(at), role="loader")

    with pytest.raises(errors.CheckViolation, match="fact_transactions_2011_01_bounds"):
        query(gold, "SELECT ops.attach_fact_month('2011-01-01')", role="loader")


def test_a_line_without_its_dimensions_keeps_a_month_from_being_attached(gold: Settings) -> None:
    query(gold, "SELECT ops.create_fact_month('2011-01-01')", role="loader")
    query(gold, a_line("2011-01-05"), role="loader")

    with pytest.raises(errors.ForeignKeyViolation):
        query(gold, "SELECT ops.attach_fact_month('2011-01-01')", role="loader")


# ---- versions of a product ----------------------------------------------------------------

PRODUCT = (
    "INSERT INTO dim_products (product_sk, stock_code, unit_price, effective_date, end_date,"
    " is_current, withdrawn) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
# effective_date, end_date, is_current, withdrawn; days of January 2011
Version = tuple[int, int | None, bool, bool]


def put(conn: Connection, versions: list[Version], price: str = "2.5") -> None:
    """All versions of one product, in one transaction."""
    with conn, conn.cursor() as cur:
        for number, (start, end, is_current, withdrawn) in enumerate(versions):
            until = None if end is None else f"2011-01-{end:02}"
            row = (number, "A1", price, f"2011-01-{start:02}", until, is_current, withdrawn)
            cur.execute(PRODUCT, row)


@pytest.fixture
def loader(gold: Settings) -> Iterator[Connection]:
    with closing(connect(gold)) as conn:
        yield conn


@pytest.mark.parametrize(
    "versions",
    [
        [(1, None, True, False)],
        [(1, 5, False, False), (5, 6, False, False), (6, None, True, False)],
        [(6, None, True, False), (5, 6, False, False), (1, 5, False, False)],
        [(1, 5, False, True)],
        [(1, 5, False, True), (9, None, True, False)],
        [(1, 5, False, True), (5, None, True, False)],
    ],
    ids=["one", "three", "in any order", "withdrawn", "back after a gap", "back at once"],
)
def test_histories_without_overlap_are_taken(loader: Connection, versions: list[Version]) -> None:
    put(loader, versions)


UNIQUE, CHECK, FOREIGN = errors.UniqueViolation, errors.CheckViolation, errors.ForeignKeyViolation


@pytest.mark.parametrize(
    ("versions", "refusal"),
    [
        ([(1, 5, False, True), (1, None, True, False)], UNIQUE),
        ([(1, None, True, False), (5, None, True, False)], UNIQUE),
        ([(1, 9, False, True), (5, 9, False, True)], UNIQUE),
        ([(1, 9, False, False), (5, None, True, False)], FOREIGN),
        ([(1, 5, False, False), (9, None, True, False)], FOREIGN),
        ([(1, 5, False, False)], FOREIGN),
        ([(5, 1, False, True)], CHECK),
        ([(5, 5, False, True)], CHECK),
        ([(1, 5, True, True)], CHECK),
        ([(1, None, False, False)], CHECK),
        ([(1, None, True, True)], CHECK),
    ],
    ids=[
        "two of one day", "two current", "two that end on one day", "overlap", "gap",
        "ended without a follower", "ends before it starts", "ends when it starts",
        "ended and current", "not ended and not current", "withdrawn and not ended",
    ],
)  # fmt: skip
def test_other_histories_are_refused(
    loader: Connection, versions: list[Version], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        put(loader, versions)


def test_a_price_below_zero_is_refused(loader: Connection) -> None:
    with pytest.raises(errors.CheckViolation):
        put(loader, [(1, None, True, False)], price="-0.0001")


def test_another_products_version_is_no_follower(loader: Connection) -> None:
    with pytest.raises(errors.ForeignKeyViolation):
        with loader, loader.cursor() as cur:
            cur.execute(PRODUCT, (1, "A1", 1, "2011-01-01", "2011-01-05", False, False))
            cur.execute(PRODUCT, (2, "B2", 1, "2011-01-05", None, True, False))


def test_a_version_that_another_ends_with_cannot_go_alone(loader: Connection) -> None:
    put(loader, [(1, 5, False, False), (5, None, True, False)])

    with pytest.raises(errors.ForeignKeyViolation):
        with loader, loader.cursor() as cur:
            cur.execute("DELETE FROM dim_products WHERE effective_date = '2011-01-05'")


# ---- the other dimensions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("INSERT INTO dim_customers (customer_sk) VALUES (5)", CHECK),
        ("INSERT INTO dim_customers (customer_sk, customer_id) VALUES (-1, 'C1')", CHECK),
        ("INSERT INTO dim_customers (customer_sk) VALUES (-1)", UNIQUE),
        ("INSERT INTO dim_customers VALUES (5, 'C1'), (6, 'C1')", UNIQUE),
        ("INSERT INTO dim_countries VALUES (5, 6, 'A')", CHECK),
        ("INSERT INTO dim_countries VALUES (5, 5, 'A'), (6, 6, 'A')", UNIQUE),
        ("INSERT INTO transactions_error VALUES ('a', 'a', '{}', '{}', 'f', 1, 1, 1)", CHECK),
        ("INSERT INTO ops.loaded_files VALUES ('ABC', 1, 'f', now(), 1, 1)", CHECK),
    ],
)
def test_what_contradicts_itself_is_refused(
    gold: Settings, statement: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        query(gold, statement, role="loader")


def test_gold_has_the_unknown_customer_from_the_start(new_gold: Callable[[], Settings]) -> None:
    assert query(new_gold(), "SELECT * FROM dim_customers") == [(-1, None, None, None)]
